"""One try on one lane, up to the point where its answer may be committed to the client.

Until the commit any failure here only means that the next lane is tried. What counts as failed: the
transport, 429, 5xx, a timeout, an answer that is not whole JSON, an error event before any content.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson

from ferrogate.reference.resolve import Lane
from ferrogate.reference.stream import Event, Framer, Reader, Usage
from ferrogate.reference.upstream import WIRE, Headers, Wire, failure_kind, response_headers

__all__ = ["Answer", "Clock", "LaneError", "attempt"]

_PATIENCE: Final = 1.0
"""Seconds after the first event that another lane may still be wanted."""


_FINAL: Final = frozenset({"deadline_exceeded", "address_refused"})


class LaneError(Exception):
    """A lane failed before the commit, or a committed answer broke off.

    Attributes:
        kind: the stable identifier.
        answer: what the provider said, where it said something; relayed when no lane is left.
        is_final: another lane would not help, or comes too late.

    """

    def __init__(self, kind: str, answer: Answer | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.answer = answer
        self.is_final = kind in _FINAL


@dataclass(frozen=True, slots=True)
class Clock:
    """The deadline over all attempts, on the loop's clock."""

    deadline: float

    @property
    def expired(self) -> bool:
        """Whether it has passed."""
        return asyncio.get_running_loop().time() >= self.deadline

    def within(self, milliseconds: float) -> asyncio.Timeout:
        """Open a timeout of one phase, cut short by the deadline."""
        return asyncio.timeout_at(min(asyncio.get_running_loop().time() + milliseconds / 1000, self.deadline))


@dataclass(slots=True)
class Answer:
    """A provider's answer that may be sent: ``ready`` now, then :meth:`next` until it says None.

    For an event stream the pieces are whole events, else bytes as they came. ``complete`` says that ``ready``
    is all.
    """

    response: httpx.Response
    status: int
    headers: Headers
    chunks: AsyncIterator[bytes]
    idle_ms: int
    clock: Clock
    ready: bytes = b""
    complete: bool = False
    reader: Reader | None = None
    usage: Usage = field(default_factory=Usage)
    framer: Framer = field(default_factory=Framer)
    pending: asyncio.Task[bytes | None] | None = None

    @property
    def is_stream(self) -> bool:
        """Whether it is an event stream."""
        return self.reader is not None

    async def next(self) -> bytes | None:
        """Return the next piece; None at an end that can be trusted.

        Raises:
            LaneError: the stream broke: ``upstream_cut``, ``upstream_timeout`` or ``deadline_exceeded``.

        """
        try:
            async with self.clock.within(self.idle_ms):
                chunk = await (self.pending or self._read())
        except TimeoutError:
            raise LaneError("deadline_exceeded" if self.clock.expired else "upstream_timeout") from None
        except httpx.HTTPError as error:
            raise LaneError("upstream_cut") from error
        self.pending = None
        return self._piece(chunk)

    def _piece(self, chunk: bytes | None) -> bytes | None:
        if self.reader is None:
            return chunk
        events = self.framer.finish() if chunk is None else self.framer.feed(chunk)
        if events and not self.framer.flowing:
            self.reader.read(events)
        if chunk is None and not (self.reader.is_complete or self.reader.failed or self.framer.flowing):
            raise LaneError("upstream_cut")
        return events or (None if chunk is None else b"")

    async def _read(self) -> bytes | None:
        return await anext(self.chunks, None)

    async def collect(self, cap: int) -> None:
        """Read up to ``cap`` bytes into ``ready``."""
        parts: list[bytes] = []
        size = 0
        while size <= cap:
            piece = await self.next()
            if piece is None:
                self.complete = True
                break
            parts.append(piece)
            size += len(piece)
        self.ready = b"".join(parts)

    async def prime(self, *, last: bool) -> None:
        """Read events until one of them commits the stream.

        Raises:
            LaneError: it failed before that.

        """
        loop = asyncio.get_running_loop()
        patience: float | None = None
        meaning = Event.QUIET
        while meaning is Event.QUIET and not (last and self.ready) and not self.framer.flowing:
            if self.pending is None:
                self.pending = loop.create_task(self._read())
            if patience is not None:
                await asyncio.wait({self.pending}, timeout=max(0.0, patience - loop.time()))
                if not self.pending.done():
                    return
            events = await self.next()
            if events is None:
                self.complete = True
                return
            self.ready += events
            if self.ready and patience is None:
                patience = loop.time() + _PATIENCE
            meaning = self.reader.meaning if self.reader is not None else Event.CONTENT
        if meaning is Event.ERROR and not last:
            raise LaneError("upstream_error_event")

    async def aclose(self) -> None:
        """Let go of the connection; one that still has bytes to come is closed."""
        if self.pending is not None:
            self.pending.cancel()
            with contextlib.suppress(asyncio.CancelledError, httpx.HTTPError):
                await self.pending
        await self.response.aclose()


async def attempt(
    client: httpx.AsyncClient, request: httpx.Request, lane: Lane, clock: Clock, *, cap: int, last: bool
) -> Answer:
    """Send a request on a lane and read its answer up to the commit.

    Args:
        client: see :func:`ferrogate.reference.upstream.make_client`.
        request: built for this lane.
        lane: for its timeouts.
        clock: the deadline.
        cap: bytes of a JSON answer that are collected and checked before it is sent.
        last: no other lane is left, so the first event of a stream commits it.

    Raises:
        LaneError: the lane failed, or the deadline passed.

    """
    timeouts = lane.provider.timeouts
    begun = asyncio.get_running_loop().time()
    response = await _send(client, request, clock, timeouts.connect_ms + timeouts.headers_ms)
    answer = Answer(
        response,
        response.status_code,
        response_headers(response),
        response.aiter_raw(),
        timeouts.idle_ms,
        clock,
    )
    try:
        stream = response.status_code < 300 and "text/event-stream" in response.headers.get(
            "content-type", ""
        )
        if stream:
            answer.reader = Reader()
            answer.usage = answer.reader.usage
            await answer.prime(last=last)
            return answer
        try:
            async with asyncio.timeout_at(min(begun + timeouts.json_ms / 1000, clock.deadline)):
                await answer.collect(cap)
        except TimeoutError:
            raise LaneError("deadline_exceeded" if clock.expired else "upstream_timeout") from None
        if response.status_code == 429 or response.status_code >= 500:
            raise LaneError("upstream_status", answer)
        if response.status_code < 300 and answer.complete:
            _check(answer)
    except BaseException as error:
        if not (isinstance(error, LaneError) and error.answer is answer and not answer.complete):
            await answer.aclose()
        raise
    return answer


async def _send(
    client: httpx.AsyncClient, request: httpx.Request, clock: Clock, headers_ms: int
) -> httpx.Response:
    for again in (False, True):
        wire = Wire()
        WIRE.set(wire)
        try:
            async with clock.within(headers_ms):
                return await client.send(request, stream=True)
        except TimeoutError:
            raise LaneError("deadline_exceeded" if clock.expired else "upstream_timeout") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            kind = failure_kind(error)
            if again or not wire.stale or kind != "upstream_reset":
                raise LaneError(kind) from error
    raise LaneError("upstream_reset")


def _check(answer: Answer) -> None:
    if "content-encoding" in answer.response.headers:
        return
    try:
        document: Any = orjson.loads(answer.ready)
    except orjson.JSONDecodeError:
        try:
            document = json.loads(answer.ready, parse_int=len)
        except (ValueError, RecursionError):
            raise LaneError("upstream_invalid") from None
    if isinstance(document, dict):
        answer.usage.read(document)
