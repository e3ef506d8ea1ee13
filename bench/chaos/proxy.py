"""The fault proxy: one listener a provider, between the gateway and the scripted mock."""

from __future__ import annotations

import asyncio
import random
from urllib.parse import urlsplit

from .faults import Answer, Ending, Plan, plan
from .ledger import Ledger, Sent
from .wire import content, leave, read_head, reset

__all__ = ["Provider"]

_HOLD_S = 20.0
"""Longer than any clock of the gateway under test."""


class Provider:
    """One provider that fails at random."""

    def __init__(self, name: str, mock: str, ledger: Ledger, rng: random.Random) -> None:
        self.name = name
        self.calm = True
        """Whether it answers as the mock does."""
        self._mock = urlsplit(mock)
        self._ledger = ledger
        self._rng = rng
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self.port = 0

    async def listen(self) -> None:
        """Open the port, the same one every time."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Close the port: connections are refused until it listens again. Those that are open go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def close(self) -> None:
        """End everything."""
        self.refuse()
        for writer in list(self._open):
            writer.transport.abort()
        served = [task for task in self._open.values() if task is not None]
        await asyncio.gather(*served, return_exceptions=True)

    async def outages(self) -> None:
        """Refuse now and then, for a moment."""
        while True:
            await asyncio.sleep(self._rng.uniform(1.0, 6.0))
            self.refuse()
            self._ledger.faults["refuse"] += 1
            await asyncio.sleep(self._rng.uniform(0.05, 0.4))
            await self.listen()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = asyncio.current_task()
        try:
            if not self.calm and self._rng.random() < 0.02:
                self._ledger.faults["reset_at_once"] += 1
                await reset(writer)
            while await self._exchange(reader, writer):
                pass
        except (OSError, EOFError):
            pass  # the gateway left
        finally:
            await leave(writer)
            del self._open[writer]

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False where the connection is over."""
        head = await read_head(reader)
        if head is None:
            return False
        body = b"".join([piece async for piece in content(reader, head, answer=False)])
        request_id = head.headers.get("x-request-id", "")
        answer = await self._ask(head.first, body, big="x-chaos-big" in head.headers)
        name, made = plan(self._rng, answer, calm=self.calm)
        self._ledger.faults[name] += 1
        sent = Sent(self.name, name, made.status, made.body, made.whole)
        self._ledger.sent[request_id].append(sent)
        return await self._play(made, reader, writer)

    async def _play(self, made: Plan, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        for pause, data in made.parts:
            if pause:
                await asyncio.sleep(pause)
            writer.write(data)
            # One write a part, so that the gateway reads what falls apart in parts.
            await writer.drain()
            await asyncio.sleep(0)
        if made.ending is Ending.HOLD:
            try:
                await asyncio.wait_for(reader.read(1), _HOLD_S)
            except TimeoutError:
                self._ledger.faults["held_too_long"] += 1
            return False
        if made.ending is Ending.RESET:
            await asyncio.sleep(self._rng.choice([0.0, 0.0, 0.02]))
            await reset(writer)
        return made.ending is Ending.KEEP

    async def _ask(self, first: str, body: bytes, *, big: bool) -> Answer:
        """What the mock answers to it."""
        reader, writer = await asyncio.open_connection(self._mock.hostname, self._mock.port)
        try:
            lines = [first, "host: mock", "connection: close", "content-type: application/json"]
            lines += [f"content-length: {len(body)}", f"x-mock-chunks: {self._rng.randrange(1, 12)}"]
            if big:
                lines.append("x-mock-body-kb: 6000")
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            head = await read_head(reader)
            if head is None:
                raise EOFError
            got = b"".join([piece async for piece in content(reader, head, answer=True)])
            return Answer(head.status, head.headers.get("content-type", "application/json"), got)
        finally:
            await leave(writer)
