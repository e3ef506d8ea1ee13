"""Clients that never stop asking: on fresh connections, on kept-alive ones, and for streams.

They behave as HTTP asks of clients: a connection whose answer says ``connection: close`` is left, every other
one is used again at once. Whatever is not a whole 200 is a failure; nothing is asked a second time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Self

from harness.chat import CHAT, chat
from harness.gateway import until
from harness.wire import End, Wire

__all__ = ["KINDS", "Load"]

KINDS = ("fresh", "kept", "stream")
_DONE = b"data: [DONE]"


class Load:
    """One thread a client.

    Args:
        port: where they ask.
        model: what they ask for.
        clients: of each kind.
        kinds: which of :data:`KINDS`.
        until_closed: a client stops when an answer says that it is the last one of its connection.

    Attributes:
        ids: what the gateway called the requests that it answered.
        failures: what went wrong, in words.

    """

    def __init__(
        self,
        port: int,
        model: str,
        *,
        clients: int = 2,
        kinds: Sequence[str] = KINDS,
        until_closed: bool = False,
    ) -> None:
        self._port = port
        self._plain, self._stream = chat(model), chat(model, stream=True)
        self._until_closed = until_closed
        self._stopping = threading.Event()
        self.ids: list[str] = []
        self.failures: list[str] = []
        self._threads = [
            threading.Thread(target=self._guard, args=(kind,), daemon=True)
            for kind in kinds
            for _ in range(clients)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let every client finish its last request. Idempotent."""
        self._stopping.set()
        self.join()

    def join(self) -> None:
        """Wait until every client has stopped."""
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a client hangs"

    def wait_for_more(self, count: int) -> None:
        """Wait for so many more answers, or for the first failure."""
        goal = len(self.ids) + count
        until(lambda: self.failures or len(self.ids) >= goal, f"{count} more answers", patience=60)

    def _guard(self, kind: str) -> None:
        step: Callable[[Wire | None], Wire | None] = {
            "fresh": self._fresh,
            "kept": self._kept,
            "stream": self._streamed,
        }[kind]
        wire: Wire | None = None
        while not self._stopping.is_set():
            try:
                wire = step(wire)
            except (OSError, AssertionError) as error:
                self.failures.append(f"{kind}: {type(error).__name__}: {error}")
                wire = None
            if wire is None and self._until_closed:
                return
        if wire is not None:
            wire.close()

    def _fresh(self, _: Wire | None) -> None:
        with Wire(self._port) as wire:
            self._ask(wire, self._plain)

    def _kept(self, wire: Wire | None) -> Wire | None:
        return self._ask(wire or Wire(self._port), self._plain)

    def _streamed(self, wire: Wire | None) -> Wire | None:
        return self._ask(wire or Wire(self._port), self._stream)

    def _ask(self, wire: Wire, body: bytes) -> Wire | None:
        """Ask once; return the connection where it may be used again."""
        wire.post(CHAT, body)
        answer = wire.answer()
        is_whole = answer.status == 200 and answer.end is End.WHOLE
        if not is_whole or (body is self._stream and _DONE not in answer.body):
            self.failures.append(f"{answer.status} {answer.end} {answer.body[-300:]!r}")
        else:
            self.ids.append(answer.header("x-gateway-request-id") or "")
        if answer.header("connection") == "close":
            assert wire.at_end(), "it said close and stays open"
            wire.close()
            return None
        return wire
