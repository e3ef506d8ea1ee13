"""The pure Python engine: an ASGI application that speaks to providers through httpx.

It is the baseline that the compiled engine is measured against, and a readable statement of what a request
goes through. It shares the snapshot, the store and the admin API with the compiled engine and fits the same
port (``services.ports.EnginePort``).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from ferrogate.engine.snapshot import Snapshot
from ferrogate.hooks.load import HookSet
from ferrogate.reference.cache import KeptAnswers
from ferrogate.reference.exchange import Exchange, Scope
from ferrogate.reference.ledger import Ledger
from ferrogate.reference.models import ModelList
from ferrogate.reference.record import Record, Recorder, Sink
from ferrogate.reference.resolve import Resolver
from ferrogate.reference.upstream import make_client

__all__ = ["ReferenceEngine"]


class ReferenceEngine:
    """One gateway in one event loop.

    Attributes:
        resolver: the snapshot in force; a request takes it once.
        draining: new requests are answered 503.
        buffered: bytes of request bodies held in memory.
        cache: the answers that it keeps, in memory.

    """

    def __init__(self, snapshot: Snapshot, sink: Sink, *, log_every: float = 0.25) -> None:
        self.resolver = Resolver(snapshot)
        self.ledger = Ledger()
        self.models = ModelList(lambda: self.client, lambda: self.resolver)
        self.leaving = False
        self.draining = False
        self.buffered = 0
        self.hooks = HookSet()
        self.cache = KeptAnswers()
        self.cache.settle(snapshot)
        self._recorder = Recorder(sink, every=log_every)
        self._client: httpx.AsyncClient | None = None
        self._generation = 1
        self._in_flight = 0
        self._idle = asyncio.Event()

    @property
    def client(self) -> httpx.AsyncClient:
        """The HTTP client, made at the first request: loading the certificates takes tens of milliseconds."""
        if self._client is None:
            self._client = make_client()
        return self._client

    async def __call__(
        self,
        scope: Scope,
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """ASGI: one inference request."""
        if scope["type"] != "http":
            return
        self._in_flight += 1
        try:
            await Exchange(self, scope, receive, send).run()
        finally:
            self._in_flight -= 1
            if self._in_flight == 0:
                self._idle.set()

    def settle(self, record: Record) -> None:
        """Count and log a finished request."""
        self.ledger.settle(record)
        self._recorder.add(record.row())

    def apply(self, snapshot: Snapshot) -> int:
        """Swap the configuration in; requests in flight keep the one they took."""
        self.resolver = Resolver(snapshot)
        self.cache.settle(snapshot)
        self._generation += 1
        return self._generation

    def install_hooks(self, hooks: HookSet) -> None:
        """Take the code of hooks, which the next snapshot names."""
        self.hooks = hooks

    def lanes(self) -> list[dict[str, Any]]:
        """Every lane that was used, with its counts."""
        return self.ledger.lanes()

    def metrics(self) -> str:
        """Prometheus text."""
        return self.ledger.metrics(
            {
                "in_flight_requests": ("Requests that are being served", self._in_flight),
                "buffered_bytes": ("Bytes of request bodies in memory", self.buffered),
                "log_rows_shed": ("Rows lost because the database took no writes", self._recorder.shed),
            },
            self.cache.lookups(),
        )

    def status(self) -> dict[str, Any]:
        """Return the generation, requests in flight, draining, rows written and shed."""
        return {
            "engine": "python",
            "generation": self._generation,
            "in_flight": self._in_flight,
            "buffered_bytes": self.buffered,
            "leaving": self.leaving,
            "draining": self.draining,
            "rows_written": self._recorder.written,
            "rows_shed": self._recorder.shed,
        }

    def leave(self) -> None:
        """Say by :meth:`status` that the gateway goes."""
        self.leaving = True

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109 - a bound on waiting, not a cancellation
        """Refuse new requests; wait at most ``timeout`` seconds for those in flight; True when all ended."""
        self.draining = True
        self._idle.clear()
        if self._in_flight:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._idle.wait()
        return self._in_flight == 0

    def close(self) -> None:
        """Write the rest of the log where no loop runs any more. Idempotent."""
        self._recorder.close()

    async def aclose(self) -> None:
        """Write the rest of the log and close the connections."""
        await self._recorder.aclose()
        if self._client is not None:
            await self._client.aclose()
