"""Clients of every kind: some wait for their answer; some leave, stall, stutter or send half."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .ledger import Asked, End, Ledger, Rows
from .wire import Head, content, leave, read_head, reset

__all__ = ["BEHAVIOURS", "Client", "Place"]

PATH = "/openai/v1/chat/completions"
PATIENCE_S = 25.0
"""Longer than all clocks of the gateway under test together: a client that waits longer has found a hang."""


@dataclass(frozen=True)
class Place:
    """Where the gateway is, and how long it bears a client that does not read."""

    port: int
    models: tuple[str, ...]
    stall_s: float
    prefix: str


class Client:
    """One client; it keeps its connection while that is in order."""

    def __init__(self, number: int, place: Place, ledger: Ledger, rng: random.Random) -> None:
        self._place = place
        self._ledger = ledger
        self._rng = rng
        self._name = f"{place.prefix}-{number}"
        self._count = 0
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def run(self, stopping: asyncio.Event, *, calm: bool = False) -> None:
        """Ask until told to stop."""
        names = list(BEHAVIOURS)
        weights = [weight for weight, _ in BEHAVIOURS.values()]
        while not stopping.is_set():
            behaviour = "patient" if calm else self._rng.choices(names, weights)[0]
            await BEHAVIOURS[behaviour][1](self, behaviour)
            await asyncio.sleep(self._rng.uniform(0, 0.02))
        await self._drop()

    def _ask(self, behaviour: str, *, stream: bool | None = None) -> Asked:
        self._count += 1
        made = Asked(f"{self._name}-{self._count}", behaviour, begun=time.time())
        made.stream = self._rng.random() < 0.5 if stream is None else stream
        self._ledger.asked.append(made)
        return made

    def _request(self, asked: Asked, *more: str, body: bytes | None = None) -> bytes:
        if body is None:
            said = self._rng.choice(["hello", "héllo " * 50, "x" * self._rng.choice([10, 5_000, 60_000])])
            document = {"model": self._rng.choice(self._place.models), "stream": asked.stream}
            body = json.dumps(document | {"messages": [{"role": "user", "content": said}]}).encode()
        lines = [f"POST {PATH} HTTP/1.1", f"host: 127.0.0.1:{self._place.port}", f"x-request-id: {asked.id}"]
        lines += ["content-type: application/json", f"content-length: {len(body)}", *more]
        return "\r\n".join([*lines, "", ""]).encode() + body

    async def _connect(self, *, fresh: bool = False, buffer: int | None = None) -> asyncio.StreamWriter:
        if self._writer is not None and not fresh:
            return self._writer
        await self._drop()
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setblocking(False)
        if buffer is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", self._place.port))
        self._reader, self._writer = await asyncio.open_connection(sock=made)
        return self._writer

    async def _drop(self, how: Callable[[asyncio.StreamWriter], Awaitable[None]] = leave) -> None:
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            await how(writer)

    async def _head(self, asked: Asked) -> Head | None:
        assert self._reader is not None
        head = await asyncio.wait_for(read_head(self._reader), PATIENCE_S)
        if head is not None:
            asked.status, asked.headers = head.status, head.headers
        return head

    async def _answer(self, asked: Asked, head: Head | None) -> None:
        """Read to the end, and keep the connection where it may be used again."""
        asked.end = End.NONE if head is None else End.WHOLE
        if head is not None:
            assert self._reader is not None
            try:
                async with asyncio.timeout(PATIENCE_S):
                    async for piece in content(self._reader, head, answer=True):
                        asked.body += piece
            except EOFError:
                asked.end = End.CUT
        asked.ended = time.time()
        if head is None or head.closes or asked.end is not End.WHOLE:
            await self._drop()

    async def _send(self, data: bytes, **how: int | bool | None) -> None:
        writer = await self._connect(**how)  # type: ignore[arg-type]
        writer.write(data)
        await writer.drain()

    async def patient(self, behaviour: str) -> None:
        asked = self._ask(behaviour)
        await self._send(self._request(asked))
        await self._answer(asked, await self._head(asked))

    async def hurried(self, behaviour: str) -> None:
        """Brings a deadline of its own, to the stream's end."""
        asked = self._ask(behaviour)
        await self._send(self._request(asked, f"x-gateway-timeout-ms: {self._rng.randrange(1, 400)}"))
        await self._answer(asked, await self._head(asked))

    async def stuttering(self, behaviour: str) -> None:
        """Sends its request in small pieces with pauses."""
        asked = self._ask(behaviour)
        data = self._request(asked)
        writer = await self._connect()
        for at in range(0, len(data), max(1, len(data) // 7)):
            writer.write(data[at : at + max(1, len(data) // 7)])
            await writer.drain()
            await asyncio.sleep(self._rng.uniform(0, 0.05))
        await self._answer(asked, await self._head(asked))

    async def pipelining(self, behaviour: str) -> None:
        """Sends the second request before the first is answered."""
        first, second = self._ask(behaviour), self._ask(behaviour)
        await self._send(self._request(first) + self._request(second), fresh=True)
        await self._answer(first, await self._head(first))
        if self._reader is None:
            second.rows, second.end = Rows.MAYBE, End.LEFT
            return
        await self._answer(second, await self._head(second))

    async def leaving(self, behaviour: str) -> None:
        """Leaves in the midst of the answer."""
        asked = self._ask(behaviour, stream=self._rng.random() < 0.8)
        await self._send(self._request(asked), fresh=True)
        head = await self._head(asked)
        if head is None:
            return await self._answer(asked, None)
        assert self._reader is not None
        asked.end, asked.ended = End.LEFT, time.time()
        await self._reader.read(self._rng.randrange(1, 400))
        return await self._drop(self._rng.choice([leave, reset]))

    async def leaving_early(self, behaviour: str) -> None:
        """Leaves before the answer's head."""
        asked = self._ask(behaviour)
        await self._send(self._request(asked), fresh=True)
        await asyncio.sleep(self._rng.choice([0.0, 0.001, 0.01, 0.1]))
        how = self._rng.choice([leave, reset])
        if how is reset:
            asked.rows = Rows.MAYBE  # the kernel may throw the request away with the connection
        asked.end, asked.ended = End.LEFT, time.time()
        await self._drop(how)

    async def half_head(self, behaviour: str) -> None:
        """Leaves in the midst of its own head: no request, no row."""
        asked = self._ask(behaviour)
        asked.rows, asked.end = Rows.NONE, End.LEFT
        head = self._request(asked).partition(b"\r\n\r\n")[0]
        await self._send(head[: self._rng.randrange(1, len(head) + 1)], fresh=True)
        await asyncio.sleep(self._rng.choice([0.0, 0.01]))
        await self._drop(self._rng.choice([leave, reset]))

    async def half_body(self, behaviour: str) -> None:
        """Leaves in the midst of its own body."""
        asked = self._ask(behaviour)
        head, _, body = self._request(asked).partition(b"\r\n\r\n")
        await self._send(head + b"\r\n\r\n" + body[: self._rng.randrange(len(body))], fresh=True)
        await asyncio.sleep(self._rng.choice([0.0, 0.01]))
        asked.end, asked.ended = End.LEFT, time.time()
        await self._drop()

    async def falling_silent(self, behaviour: str) -> None:
        """Sends half a body, and then waits."""
        asked = self._ask(behaviour)
        await self._send(self._request(asked)[:-10], fresh=True)
        await self._answer(asked, await self._head(asked))
        await self._drop()

    async def stalling(self, behaviour: str) -> None:
        """Stops reading a large answer: for a while, or for longer than the gateway bears."""
        asked = self._ask(behaviour)
        await self._send(self._request(asked, "x-chaos-big: 1"), fresh=True, buffer=8192)
        head = await self._head(asked)
        too_long = self._rng.random() < 0.3
        await asyncio.sleep(self._place.stall_s + 1.5 if too_long else self._rng.uniform(0.05, 0.5))
        if too_long:
            asked.behaviour = "stalling too long"
        await self._answer(asked, head)
        await self._drop()

    async def wrong(self, behaviour: str) -> None:
        """Asks for what cannot be answered."""
        bodies = [
            b"{",
            b"[]",
            b'{"model":"","messages":[]}',
            b'{"messages":[]}',
            b'{"model":"a/m","stream":"yes"}',
        ]
        bodies += [
            b'{"model":"a/m","model":"b/m"}',
            b'{"model":"\xff"}',
            b'{"model":' + b"[" * 200 + b"1" + b"]" * 200 + b"}",
        ]
        asked = self._ask(behaviour)
        await self._send(self._request(asked, body=self._rng.choice(bodies)))
        await self._answer(asked, await self._head(asked))

    async def babbling(self, behaviour: str) -> None:
        """Sends what is no HTTP."""
        noise = self._rng.choice(
            [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", self._rng.randbytes(200), b"\r\n" * 100]
        )
        try:
            await self._send(noise, fresh=True)
            await self._drop(reset)
        except OSError:
            await self._drop()
        self._ledger.faults[behaviour] += 1


BEHAVIOURS: dict[str, tuple[int, Callable[[Client, str], Awaitable[None]]]] = {
    made.__name__: (weight, made)
    for weight, made in [
        (60, Client.patient),
        (8, Client.hurried),
        (5, Client.stuttering),
        (5, Client.pipelining),
        (8, Client.leaving),
        (5, Client.leaving_early),
        (2, Client.half_head),
        (3, Client.half_body),
        (1, Client.falling_silent),
        (1, Client.stalling),
        (4, Client.wrong),
        (2, Client.babbling),
    ]
}
"""By name: how often, and how."""
