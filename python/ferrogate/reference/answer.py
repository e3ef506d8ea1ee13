"""An answer of a provider on its way to the client: before its commit, and behind it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import httpx

from ferrogate.reference.errors import error_body
from ferrogate.reference.failure import Failure, codes_of
from ferrogate.reference.stream import Event, Framer, Reader, Usage
from ferrogate.reference.upstream import Headers
from ferrogate.reference.verdict import encodings, mask

__all__ = ["Answer", "Clock", "LaneError"]

_PATIENCE: Final = 1.0
"""Seconds after the first event that another lane may still be wanted."""
_REFUSAL_PATIENCE: Final = 5.0
"""Seconds that the text of a failing answer is waited for."""

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
    secrets: tuple[str, ...] = ()
    """The lane's, which are masked in what is read."""
    refusal: str | None = None
    """The kind of a refusal that another lane would give too."""
    ready: bytes = b""
    complete: bool = False
    reader: Reader | None = None
    usage: Usage = field(default_factory=Usage)
    framer: Framer = field(default_factory=Framer)
    pending: asyncio.Task[bytes | None] | None = None
    taken: list[bytes] | None = None
    """What went to the client, where it is to be kept."""

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
            if self._has_ended and not self.clock.expired:
                return None
            raise LaneError("deadline_exceeded" if self.clock.expired else "upstream_timeout") from None
        except httpx.HTTPError as error:
            if self._has_ended:
                return None
            raise LaneError("upstream_cut") from error
        self.pending = None
        return self._piece(chunk)

    @property
    def _has_ended(self) -> bool:
        """Whether the stream said how it ended; its connection may then do what it likes."""
        return self.reader is not None and (self.reader.done or self.reader.failed)

    def _piece(self, chunk: bytes | None) -> bytes | None:
        if self.reader is None:
            return chunk
        events = self.framer.finish() if chunk is None else self.framer.feed(chunk)
        if events and not self.framer.flowing:
            self.reader.read(events)
            events = mask(events, self.secrets) if self.reader.failed else events
        if chunk is None and not (self.reader.is_complete or self.reader.failed):
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
        self.ready = mask(b"".join(parts), self.secrets)

    async def collect_refusal(self, cap: int) -> Failure:
        """Collect a failing answer, and return whose failure it is; what cannot be read is replaced.

        The status is kept. Compressed text cannot be searched for the key, so it is withheld.
        """
        self.headers = [(name, mask(value, self.secrets)) for name, value in self.headers]
        if not any(encodings(self.response.headers)):
            with contextlib.suppress(LaneError, TimeoutError):
                until = min(asyncio.get_running_loop().time() + _REFUSAL_PATIENCE, self.clock.deadline)
                async with asyncio.timeout_at(until):
                    await self.collect(cap)
                    return Failure.of_status(self.status, codes_of(self.ready))
        await self.response.aclose()
        failure = Failure.of_status(self.status, ())
        named = (b"content-type", b"content-encoding", b"etag")
        self.headers = [header for header in self.headers if header[0] not in named]
        self.headers.append((b"content-type", b"application/json"))
        self.ready = error_body(
            failure.kind, "The provider refused the request, and its text could not be read."
        )
        self.complete = True
        return failure

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
        failure = self.reader.failure if self.reader is not None else None
        if meaning is Event.ERROR and failure is not None and failure.retries and not last:
            raise LaneError("upstream_error_event")

    async def aclose(self) -> None:
        """Let go of the connection; one that still has bytes to come is closed."""
        if self.pending is not None:
            self.pending.cancel()
            with contextlib.suppress(asyncio.CancelledError, httpx.HTTPError):
                await self.pending
        await self.response.aclose()
