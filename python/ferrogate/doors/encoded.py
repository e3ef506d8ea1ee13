"""One write for a whole answer, where the gateway runs uvicorn itself.

uvicorn checks every header of an answer with two regular expressions and writes head and body apart, which an
answer that the engine has made and checked does not need. So this protocol offers applications, by the ASGI
extension ``ferrogate.encoded``, to write a whole answer at once. Answers in parts, and whatever is not
inference, go the way of ASGI.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ferrogate.doors.asgi import ENCODED

__all__ = ["EncodedProtocol"]


class EncodedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with a short way back."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if getattr(self.server_state, "leaving", False):
            cycle.keep_alive = False
        extensions: dict[str, Any] = cycle.scope.setdefault("extensions", {})
        extensions[ENCODED] = partial(_write_when_possible, cycle)
        super()._start_asgi_task(cycle, app)


async def _write_when_possible(cycle: RequestResponseCycle, status: int, rest: bytes) -> None:
    """Write a whole answer once the client has read what came before."""
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if not cycle.disconnected:
        _write(cycle, status, rest)


def _write(cycle: RequestResponseCycle, status: int, rest: bytes) -> None:
    """Write a status line, the server's own headers, and ``rest``: header lines, empty line, body."""
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
