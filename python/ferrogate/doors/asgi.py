"""The ASGI door: async handlers that call the engine through one completion queue an event loop.

A raw ASGI application and no framework: parsing, routing and header work are the engine's, so a request costs
one submit, one wake-up that many requests share, and the messages that ASGI wants. One wake-up drains every
completion that waits, and every chunk of a stream that has arrived leaves in one message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ferrogate.doors.refusals import DRAINING, refuse

if TYPE_CHECKING:
    from ferrogate.engine.facade import Engine, Inbox

__all__ = ["ENCODED", "Call", "Completion", "EncodedWriter", "InferenceApp", "is_encoded"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Completion = tuple[int, int, Headers | None, bytes]
Take = Callable[[Completion], None]
EncodedWriter = Callable[[int, bytes], Awaitable[None]]
"""Writes a status and everything behind the status line, in one piece."""

ENCODED = "ferrogate.encoded"
"""The ASGI extension by which a server offers an :data:`EncodedWriter` in ``scope["extensions"]``."""

# The kinds of completions: rust/net/src/door/inbox.rs has the same numbers.
_WHOLE, _CHUNK, _END, _CUT, _ROOM, _ENCODED = 1, 2, 3, 4, 5, 6

_WATCH_AFTER = 0.05
"""Seconds after which a request is watched for its client leaving: most are over by then and do not pay."""


_GONE: Completion = (_CUT, 0, None, b"")
_CLOSED: Completion = (_WHOLE, *DRAINING)


class InferenceApp:
    """The engine's inference routes as an ASGI application.

    It serves paths that the engine knows and answers every other one with the engine's 404. It may be called
    from several event loops; each has a queue of its own.

    Args:
        engine: a facade over the engine; it is started by the first request.

    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._loops: dict[asyncio.AbstractEventLoop, _Loop] = {}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one HTTP request; every other scope is refused by ASGI's own rules."""
        if scope["type"] != "http":
            raise NotImplementedError(f"the inference routes speak HTTP only, not {scope['type']}")
        await self._queue().serve(scope, receive, send)

    def begin(self, scope: MutableMapping[str, Any], body: bytes, take: Take) -> Call:
        """Hand a request whose body is whole to the engine, without a task that waits for its answer.

        For servers that can write by themselves: they take the first completion on the event loop, write an
        encoded answer as it is, and go on with :meth:`Call.resume` for any other.

        Raises:
            ValueError: the request is not valid HTTP.

        """
        return self._queue().begin(scope, body, take)

    def _queue(self) -> _Loop:
        loop = asyncio.get_running_loop()
        queue = self._loops.get(loop)
        if queue is None:
            queue = self._loops[loop] = _Loop(loop, self._engine.inbox())
        return queue

    async def aclose(self) -> None:
        """Cancel what runs on this event loop and release its queue. Idempotent."""
        queue = self._loops.pop(asyncio.get_running_loop(), None)
        if queue is not None:
            queue.close()


class Call:
    """One request on its way through the engine."""

    __slots__ = ("_home", "arrived", "feeder", "room", "since", "ticket", "waiter", "watcher")

    def __init__(self, home: _Loop, since: float) -> None:
        self._home = home
        self.ticket = 0
        self.since = since
        self.waiter: Take | None = None
        self.room: asyncio.Future[None] | None = None
        self.arrived: Completion | None = None
        self.watcher: asyncio.Task[None] | None = None
        self.feeder: asyncio.Task[None] | None = None

    @property
    def is_unwatched(self) -> bool:
        """Whether nobody awaits what the client says: two that did would take each other's messages."""
        return self.watcher is None and (self.feeder is None or self.feeder.done())

    def complete(self, completion: Completion) -> None:
        """Hand a completion to whoever waits for it, or keep it for when somebody does."""
        waiter, self.waiter = self.waiter, None
        if waiter is None:
            self.arrived = completion
        else:
            waiter(completion)

    async def resume(
        self, completion: Completion, scope: MutableMapping[str, Any], _: Receive, send: Send
    ) -> None:
        """Relay the answer from its first completion on."""
        self.arrived = completion
        await self._home.resume(self, scope, send)

    def forget(self) -> None:
        """Say that the answer was written."""
        self._home.forget(self)

    def leave(self) -> None:
        """Say that the client left."""
        self._home.leave(self)


class _Loop:
    """The engine as one event loop sees it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, inbox: Inbox) -> None:
        self._loop = loop
        self._inbox = inbox
        self._calls: dict[int, tuple[Call, Receive | None]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        loop.add_reader(inbox.fileno(), self._drain)

    def close(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        self._loop.remove_reader(self._inbox.fileno())
        self._inbox.close()
        for call, _ in self._calls.values():
            call.complete(_CLOSED)

    async def serve(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        message = await receive()
        gone = message["type"] == "http.disconnect"
        more = gone or message.get("more_body", False)
        call = Call(self, self._loop.time())
        try:
            part = message.get("body", b"")
            query, headers = scope["query_string"], scope["headers"]
            write = _encoded_writer(scope)
            call.ticket = self._inbox.submit(
                scope["method"], _path(scope), query, headers, part, more, write is not None
            )
        except ValueError:
            if not gone:
                await refuse(send)
            return
        if gone:
            self._inbox.cancel(call.ticket)  # the engine records that it was asked and the client left
            return
        self._calls[call.ticket] = (call, receive)
        if self._sweep is None:
            self._sweep = self._loop.call_later(_WATCH_AFTER, self._watch_old)
        try:
            if more:
                call.feeder = self._loop.create_task(self._feed(call, receive))
            await self._answer(call, send, write)
        finally:
            del self._calls[call.ticket]
            for task in (call.watcher, call.feeder):
                if task is not None:
                    task.cancel()
            self._inbox.cancel(call.ticket)

    def begin(self, scope: MutableMapping[str, Any], body: bytes, take: Take) -> Call:
        call = Call(self, self._loop.time())
        call.waiter = take
        query, headers = scope["query_string"], scope["headers"]
        call.ticket = self._inbox.submit(scope["method"], _path(scope), query, headers, body, False, True)
        self._calls[call.ticket] = (call, None)
        return call

    async def resume(self, call: Call, scope: MutableMapping[str, Any], send: Send) -> None:
        try:
            await self._answer(call, send, _encoded_writer(scope))
        finally:
            self.forget(call)
            self._inbox.cancel(call.ticket)

    def forget(self, call: Call) -> None:
        self._calls.pop(call.ticket, None)

    async def _feed(self, call: Call, receive: Receive) -> None:
        """Pass the rest of the body on, beside the answer: a provider may answer before it has read all."""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.leave(call)
                return
            more = message.get("more_body", False)
            call.room = self._loop.create_future()
            if not self._inbox.feed(call.ticket, message.get("body", b""), more):
                await call.room

    async def _answer(self, call: Call, send: Send, write: EncodedWriter | None) -> None:
        kind, status, headers, data = await self._next(call)
        if kind == _ENCODED and write is not None:
            await write(status, data)
            return
        if kind == _CUT:
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if kind == _WHOLE:
            await send({"type": "http.response.body", "body": data})
            return
        while True:
            if data:
                await send({"type": "http.response.body", "body": data, "more_body": True})
            more = self._inbox.more(call.ticket)
            if more is not None:
                data = more
                continue
            kind, _, _, data = await self._next(call)
            if kind != _CHUNK:
                break
        if kind == _END:
            await send({"type": "http.response.body", "body": data})
        # A cut returns without the last message: the server then ends the connection abnormally: the truth.

    async def _next(self, call: Call) -> Completion:
        if call.arrived is not None:
            completion, call.arrived = call.arrived, None
            return completion
        answer: asyncio.Future[Completion] = self._loop.create_future()
        call.waiter = partial(_resolve, answer)
        return await answer

    def _drain(self) -> None:
        calls = self._calls
        for ticket, kind, status, headers, data in self._inbox.drain():
            entry = calls.get(ticket)
            if entry is None:
                continue
            call = entry[0]
            if kind == _ROOM:
                _resolve(call.room, None)
                continue
            call.complete((kind, status, headers, data))

    def _watch_old(self) -> None:
        """Watch the requests that have run for a while; one timer serves them all."""
        now = self._loop.time()
        for call, receive in self._calls.values():
            if receive is not None and call.is_unwatched and now - call.since >= _WATCH_AFTER:
                call.watcher = self._loop.create_task(self._watch(call, receive))
        self._sweep = self._loop.call_later(_WATCH_AFTER, self._watch_old) if self._calls else None

    async def _watch(self, call: Call, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.leave(call)

    def leave(self, call: Call) -> None:
        """Tell the engine that the client left, and whoever waits for its answer that none will come."""
        self._inbox.cancel(call.ticket)
        call.complete(_GONE)


def is_encoded(completion: Completion) -> bool:
    """Whether a completion is a whole answer as HTTP/1.1 has it, behind the status line."""
    return completion[0] == _ENCODED


def _encoded_writer(scope: MutableMapping[str, Any]) -> EncodedWriter | None:
    """Return the server's writer for answers that the engine has encoded; the answer to HEAD has no body."""
    extensions = scope.get("extensions")
    if not extensions or scope["method"] == "HEAD":
        return None
    writer: EncodedWriter | None = extensions.get(ENCODED)
    return writer


def _resolve(future: asyncio.Future[Any] | None, value: object) -> None:
    if future is not None and not future.done():
        future.set_result(value)


def _path(scope: MutableMapping[str, Any]) -> bytes:
    """Give the path below the mount point, percent-encoded as it came."""
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    raw = raw.partition(b"?")[0]
    root: str = scope.get("root_path", "")
    if root:
        prefix = quote(root).encode()
        if raw.startswith(prefix):
            raw = raw[len(prefix) :]
    return raw or b"/"
