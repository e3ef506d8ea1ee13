"""One write for a whole answer, where the gateway runs uvicorn itself.

uvicorn checks every header of an answer with two regular expressions and writes head and body apart; for an
answer that the engine has made and checked already that is a third of the request's cost in Python. So this
protocol offers the ASGI extension ``ferrogate.encoded``: the application hands over the bytes behind the
status line, and they leave as they are. Applications that do not know the extension never see a difference.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ferrogate.doors.asgi import ENCODED

__all__ = ["EncodedProtocol"]


class EncodedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with the extension."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        extensions: dict[str, Any] = cycle.scope.setdefault("extensions", {})
        extensions[ENCODED] = _Writer(cycle)
        super()._start_asgi_task(cycle, app)


class _Writer:
    """Ends one request's cycle in one write."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    async def __call__(self, status: int, rest: bytes) -> None:
        """Write a status line, the server's own headers, and ``rest``: header lines, empty line, body."""
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        parts = [STATUS_LINE[status]]
        for name, value in cycle.default_headers:
            parts += (name, b": ", value, b"\r\n")
        if not cycle.keep_alive:
            parts.append(b"connection: close\r\n")
        parts.append(rest)
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.transport.write(b"".join(parts))
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
