"""One write for a whole answer, where the gateway runs uvicorn itself.

uvicorn checks every header of an answer with two regular expressions, writes head and body apart, and runs
each request as a task of its own, which an answer that the engine has made and checked does not need. So this
protocol hands a request that arrived whole to the engine by itself and writes the answer when it is there.
Everything else goes the way of ASGI: answers in parts from their first part on, bodies that arrive in parts,
and whatever is not inference. Applications in between can ask for the write of a whole answer by the ASGI
extension ``ferrogate.encoded``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ferrogate.doors import Split
from ferrogate.doors.asgi import ENCODED, Call, Completion, InferenceApp, is_encoded

__all__ = ["EncodedProtocol"]


class EncodedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with a short way to the engine."""

    _waiting: tuple[RequestResponseCycle, InferenceApp] | None = None
    """A request whose body may be whole by the end of this read."""
    _call: Call | None = None
    """The request that the engine has by the short way."""

    def data_received(self, data: bytes) -> None:
        """Parse; a body that did not arrive whole goes the way of ASGI."""
        super().data_received(data)
        if self._waiting is not None:
            cycle, _ = self._waiting
            self._waiting = None
            self._start_as_task(cycle, self.app)

    def on_message_complete(self) -> None:
        """Begin the request that waited for this."""
        super().on_message_complete()
        if self._waiting is not None and self._waiting[0] is self.cycle:
            waiting, self._waiting = self._waiting, None
            self._begin(*waiting)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel what runs for this client."""
        super().connection_lost(exc)
        if self._call is not None:
            self._call.leave()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if getattr(self.server_state, "leaving", False):
            cycle.keep_alive = False
        scope: Any = cycle.scope
        inference = app.inference_of(scope) if isinstance(app, Split) else None
        if (
            not isinstance(inference, InferenceApp)
            or cycle.waiting_for_100_continue
            or scope["method"] == "HEAD"
        ):
            self._start_as_task(cycle, app)
        elif cycle.more_body:
            self._waiting = (cycle, inference)
        else:
            self._begin(cycle, inference)

    def _start_as_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        extensions: dict[str, Any] = cycle.scope.setdefault("extensions", {})
        extensions[ENCODED] = partial(_write_when_possible, cycle)
        super()._start_asgi_task(cycle, app)

    def _begin(self, cycle: RequestResponseCycle, inference: InferenceApp) -> None:
        scope: Any = cycle.scope
        try:
            self._call = inference.begin(scope, bytes(cycle.body), partial(self._take, cycle))
        except ValueError:
            self._start_as_task(cycle, self.app)

    def _take(self, cycle: RequestResponseCycle, completion: Completion) -> None:
        call = self._call
        if call is None:
            return
        if cycle.disconnected:
            self._call = None
            call.forget()
        elif is_encoded(completion) and not cycle.flow.write_paused:
            self._call = None
            call.forget()
            _write(cycle, completion[1], completion[3])
        else:
            self._start_as_task(cycle, partial(self._relay, call, completion))

    async def _relay(self, call: Call, completion: Completion, *asgi: Any) -> None:
        try:
            await call.resume(completion, *asgi)
        finally:
            if self._call is call:
                self._call = None


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
