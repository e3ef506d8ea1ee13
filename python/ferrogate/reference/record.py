"""One row a request, batched into the store.

The Python engine has no journal: rows wait in memory for at most a quarter of a second, and a killed process
loses them. The columns and their order are those of the ``requests`` table.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

__all__ = ["Attempt", "Record", "Recorder", "Sink", "new_request_id"]

logger = logging.getLogger(__name__)

Row = tuple[Any, ...]
Sink = Callable[[Sequence[Row]], None]
"""Writes rows to the store; called on a worker thread."""

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

_TEXT_LIMIT: Final = 1024
"""Characters of a text that a client or a provider chose: a name may be as long as a body."""


def _cut(text: str) -> str:
    return text[:_TEXT_LIMIT]


def new_request_id() -> str:
    """Make a ULID: 48 bits of milliseconds and 80 random bits, 26 characters of Crockford's base 32."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


@dataclass(slots=True)
class Attempt:
    """One try on one lane. ``wait_us`` is the part of its duration that came before the commit.

    An error that is ``excused`` is not held against the lane. ``dropped`` names what its provider was not
    told.
    """

    provider: str
    key: str
    model: str
    status: int | None = None
    error: str | None = None
    excused: bool = False
    dropped: str = ""
    duration_us: int = 0
    wait_us: int = 0
    started: float = field(default_factory=time.perf_counter)

    def answered(self, status: int, refusal: str | None) -> None:
        """Note that the lane answered, or refused what others would refuse too: what follows is relaying."""
        self.status, self.error, self.excused = status, refusal, refusal is not None
        self._waited()

    def failed(self, kind: str, status: int | None) -> None:
        """Note that the lane failed before the commit."""
        self.error, self.status = kind, status
        self._waited()

    def _waited(self) -> None:
        self.wait_us = int((time.perf_counter() - self.started) * 1e6)

    def ended(self) -> None:
        """Note the end of the try."""
        self.duration_us = int((time.perf_counter() - self.started) * 1e6)

    def told(self) -> dict[str, Any]:
        """As it stands in the column ``attempts_json``."""
        return {
            "provider": self.provider,
            "key": self.key,
            "model": _cut(self.model),
            "status": self.status,
            "error": self.error,
            "duration_us": self.duration_us,
            **({"dropped": self.dropped} if self.dropped else {}),
        }


@dataclass(slots=True)
class Record:
    """What is known of a request; filled while it runs. Times are microseconds, sizes bytes."""

    request_id: str = field(default_factory=new_request_id)
    started_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    started: float = field(default_factory=time.perf_counter)
    tenant: str = ""
    gateway_key: str = ""
    operation: str = ""
    path: str = ""
    model: str = ""
    provider: str = ""
    upstream_model: str = ""
    key_id: str = ""
    key_name: str = ""
    status: int = 0
    outcome: str = "ok"
    error: str | None = None
    stream: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    finish_reason: str | None = None
    duration_us: int = 0
    ttft_us: int | None = None
    overhead_us: int = 0
    upstream_us: int | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    client_request_id: str | None = None
    tags: dict[str, str] | None = None
    cache: str = "off"
    similarity: float | None = None
    veto: str | None = None
    hooks: list[dict[str, Any]] | None = None

    def note_hook(self, line: dict[str, Any]) -> None:
        """Keep what a hook did; calls of one hook at one stage are one line."""
        lines = self.hooks if self.hooks is not None else []
        same = [one for one in lines if (one["hook"], one["stage"]) == (line["hook"], line["stage"])]
        if not same:
            lines.append(line)
            self.hooks = lines
            return
        known = same[0]
        for name in ("calls", "us", "queue_us", "gil_us", "events"):
            if name in line:
                known[name] = known.get(name, 0) + line[name]
        if line["outcome"] != "passed":
            known["outcome"] = line["outcome"]
        if "error" in line:
            known["error"] = line["error"]

    def elapsed_us(self) -> int:
        """Microseconds since the request arrived."""
        return int((time.perf_counter() - self.started) * 1e6)

    def row(self) -> Row:
        """Return the values in the table's order."""
        tell = len(self.attempts) > 1 or any(attempt.error or attempt.dropped for attempt in self.attempts)
        return (
            self.request_id,
            self.started_ms,
            "python",
            self.tenant,
            self.gateway_key,
            self.operation,
            _cut(self.path),
            _cut(self.model),
            self.provider,
            _cut(self.upstream_model),
            self.key_id,
            self.key_name,
            self.status,
            self.outcome,
            self.error,
            self.stream,
            self.cache,
            len(self.attempts),
            orjson.dumps([attempt.told() for attempt in self.attempts]).decode() if tell else None,
            self.input_tokens,
            self.output_tokens,
            self.cached_tokens,
            None if self.finish_reason is None else _cut(self.finish_reason),
            self.duration_us,
            self.ttft_us,
            self.overhead_us,
            0,
            self.upstream_us,
            self.request_bytes,
            self.response_bytes,
            self.client_request_id,
            orjson.dumps(self.tags).decode() if self.tags else None,
            self.similarity,
            self.veto,
            orjson.dumps(self.hooks).decode() if self.hooks else None,
            "off",
            None,
            None,
            None,
        )


class Recorder:
    """Writes rows in batches; those beyond ``capacity`` waiting ones are shed and counted."""

    def __init__(self, sink: Sink, *, every: float = 0.25, capacity: int = 20_000) -> None:
        self._sink = sink
        self._every = every
        self._capacity = capacity
        self._rows: list[Row] = []
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._failing = False
        self.written = 0
        self.shed = 0

    def add(self, row: Row) -> None:
        """Queue a row; the first one of a batch starts the writer on the running loop."""
        if len(self._rows) >= self._capacity:
            self.shed += 1
            return
        self._rows.append(row)
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write(), name="request-log")

    async def _write(self) -> None:
        while self._rows and not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._closing.wait()
            await self._flush()
        self._writer = None

    async def _flush(self) -> None:
        rows, self._rows = self._rows, []
        try:
            await asyncio.to_thread(self._sink, rows)
        except Exception:
            if not self._failing:
                logger.exception("the request log cannot be written; rows wait in memory")
            self._failing = True
            rows.extend(self._rows)
            self.shed += max(0, len(rows) - self._capacity)
            self._rows = rows[: self._capacity]
        else:
            self._failing = False
            self.written += len(rows)

    def close(self) -> None:
        """Write the rest from a thread without a loop."""
        rows, self._rows = self._rows, []
        if rows:
            self._sink(rows)

    async def aclose(self) -> None:
        """Write the rest and stop."""
        self._closing.set()
        if self._writer is not None:
            await self._writer
        if self._rows:
            await self._flush()
