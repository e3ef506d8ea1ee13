"""The shortest way from a socket of uvicorn's to the engine: whole requests in, bytes out.

uvicorn's parser calls Python for each header, builds a scope, a cycle and an event, and arms a timer. None of
that is needed where an inference request stands whole in one read: the engine reads the same bytes. What it
does not take at once, because it is not whole, not inference, or could be read in two ways, goes to uvicorn's
parser as if nothing had been. Answers come as HTTP/1.1 from the header lines on, streams too, and are written
as they are.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ferrogate.doors.asgi import InferenceApp
from ferrogate.doors.bounded import BoundedProtocol
from ferrogate.doors.queue import Completion, Exchange, Kind

__all__ = ["DirectProtocol"]


_PATIENCE_S = 0.01
"""Clients send head and body apart, one right behind the other."""


class DirectProtocol(BoundedProtocol):
    """uvicorn's protocol for everything that the engine does not take as it is."""

    _inference: InferenceApp | None = None
    _exchange: Exchange | None = None
    """The request that the engine has."""
    _is_between = True
    """Whether uvicorn's parser stands between two messages."""
    _is_opened = False
    """Whether the status line of the answer was written."""
    _is_stalled = False
    """Whether more of the answer is asked for once the client has read what was written."""
    _is_last = False
    """Whether the connection ends with this answer."""
    _behind = b""
    """What the client has sent behind the request: it has its turn afterwards."""
    _begun = b""
    """A request whose body has not come to its end."""
    _patience: asyncio.TimerHandle | None = None
    """How long that is waited for."""
    _idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Find the engine."""
        super().connection_made(transport)
        inference = getattr(self.app, "inference", None)
        if isinstance(inference, InferenceApp):
            self._inference = inference

    def data_received(self, data: bytes) -> None:
        """Offer what was read to the engine; parse it where that does not take it."""
        if self._exchange is not None:
            self._behind += data
            self.flow.pause_reading()
            return
        data = self._begun + data
        if self._inference is not None and self._is_free():
            taken = self._inference.take(data, self._headers_bytes(), self._hear)
            if taken is True:
                self._begun = data
                if self._patience is None:
                    self._patience = self.loop.call_later(_PATIENCE_S, self._give_up)
                return
            self._calm()
            if taken is not False:
                self._exchange = taken
                return
        self._calm()
        super().data_received(data)

    def _give_up(self) -> None:
        """Leave what has begun to the parser: the engine's clocks are for bodies that come slowly."""
        begun = self._begun
        self._calm()
        if begun:
            super().data_received(begun)

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience, self._begun = None, b""

    def on_message_begin(self) -> None:
        """Know that the parser is in the middle of something."""
        self._is_between = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """Know that it is not."""
        super().on_message_complete()
        self._is_between = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel what runs for this client; what it had only begun to say is in the log too."""
        self._give_up()
        super().connection_lost(exc)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.leave()

    def resume_writing(self) -> None:
        """Go on with an answer that waited for its client."""
        super().resume_writing()
        if self._is_stalled:
            self._is_stalled = False
            self._ask()

    def shutdown(self) -> None:
        """End the connection with the answer that is on its way."""
        self._give_up()
        if self._exchange is None:
            super().shutdown()
        else:
            self._is_last = True

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has been idle for that long: the timer is not set anew for each request."""
        self.timeout_keep_alive_task = None
        if self.transport.is_closing():
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if self._exchange is not None or self._begun or left > 0:
            self._arm(max(left, 1.0))
        else:
            super().timeout_keep_alive_handler()

    def _is_free(self) -> bool:
        """Whether the next byte begins a request, and nothing is left to write before its answer."""
        cycle = self.cycle
        return (
            self._is_between
            and (cycle is None or cycle.response_complete)
            and not self._deaf
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def _hear(self, completion: Completion) -> None:
        kind, status, headers, data = completion
        if status and self._is_opened:
            kind = Kind.CUT  # the engine ended in the middle of an answer
        elif status:
            self._open(status, data if headers is None else _lines(headers, data))
        elif data:
            self.transport.write(data)
        if kind in (Kind.OPENED, Kind.CHUNK):
            self._ask()
        else:
            self._end(kind)

    def _open(self, status: int, rest: bytes) -> None:
        """Write a status line, the server's own header lines, and what stands behind them."""
        parts = [STATUS_LINE[status]]
        for name, value in self.server_state.default_headers:
            parts += (name, b": ", value, b"\r\n")
        if self._is_last or self.server_state.leaving:  # type: ignore[attr-defined]  # it is our own state
            self._is_last = True
            parts.append(b"connection: close\r\n")
        parts.append(rest)
        self._is_opened = True
        self.transport.write(b"".join(parts))

    def _ask(self) -> None:
        """Write what has come since, as long as the client reads."""
        while self._exchange is not None:
            if self.flow.write_paused:
                self._is_stalled = True
                return
            more = self._exchange.more()
            if more is None:
                return
            kind, data = more
            if data:
                self.transport.write(data)
            if kind != Kind.CHUNK:
                self._end(kind)

    def _end(self, kind: int) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.forget()
        self.server_state.total_requests += 1
        self._is_opened = False
        if kind in (Kind.CUT, Kind.LAST) or self._is_last:
            # A cut has no last chunk: the client sees that the answer is not whole.
            self.transport.close()
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._arm(self.timeout_keep_alive)
        if self._behind:
            behind, self._behind = self._behind, b""
            self.flow.resume_reading()
            self.data_received(behind)

    def _arm(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)


def _lines(headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    """Encode an answer that the engine did not."""
    lines: list[Any] = [b"%b: %b\r\n" % header for header in headers]
    return b"".join([*lines, b"\r\n", body])
