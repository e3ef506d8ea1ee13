"""What a gateway meets beside its load: clients that leave in mid-stream, and keys that change."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections import Counter
from collections.abc import Sequence

import httpx
from bench.chaos.changes import Operator
from bench.chaos.wire import leave, read_head, reset

__all__ = ["Disturbance"]

CANCELS_EVERY_S = 0.1
CHANGES_EVERY_S = (0.2, 0.8)


class Disturbance:
    """A thread with an event loop of its own."""

    def __init__(self, url: str, model: str, providers: Sequence[str], seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self._url, self._model, self._providers = url, model, providers
        self._rng = random.Random(seed)
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="disturbance", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End it. Raises where the gateway answered a change otherwise than it must."""
        self._stopping.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            asyncio.run(self._disturb())
        except BaseException as error:
            self._error = error

    async def _disturb(self) -> None:
        async with httpx.AsyncClient(base_url=self._url, trust_env=False, timeout=30.0) as admin:
            operator = Operator(admin, self._providers, self._rng, self._note)
            await operator.begin()
            tasks = [asyncio.create_task(operator.run(CHANGES_EVERY_S)), asyncio.create_task(self._cancels())]
            stopped = asyncio.create_task(asyncio.to_thread(self._stopping.wait))
            await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            for one in ended:
                if isinstance(one, Exception):
                    raise one

    def _note(self, what: str) -> None:
        self.counts[what] += 1

    async def _cancels(self) -> None:
        host, _, port = self._url.removeprefix("http://").rpartition(":")
        body = json.dumps({"model": self._model, "stream": True, "messages": []}).encode()
        lines = ["POST /v1/chat/completions HTTP/1.1", f"host: {host}:{port}", f"content-length: {len(body)}"]
        request = "\r\n".join([*lines, "", ""]).encode() + body
        while True:
            await asyncio.sleep(CANCELS_EVERY_S)
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(request)
            await read_head(reader)
            await reader.read(self._rng.randrange(1, 500))
            await self._rng.choice([leave, reset])(writer)
            self.counts["streams left"] += 1
