"""The ASGI door: async handlers that call the engine through one completion queue an event loop.

A raw ASGI application and no framework: parsing, routing and header work are the engine's, so a request costs
one submit, one wake-up that many requests share, and the messages that ASGI wants. Every chunk of a stream
that has arrived leaves in one message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ferrogate.doors.queue import Call, Completion, Exchange, Kind, Queue, Receive, Send, Take, resolve
from ferrogate.doors.refusals import refuse

if TYPE_CHECKING:
    from ferrogate.engine.facade import Engine

__all__ = ["ENCODED", "EncodedWriter", "InferenceApp"]

EncodedWriter = Callable[[int, bytes], Awaitable[None]]
"""Writes a status and everything behind the status line, in one piece."""

ENCODED = "ferrogate.encoded"
"""The ASGI extension by which a server offers an :data:`EncodedWriter` in ``scope["extensions"]``."""


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

    def take(self, message: bytes, most_head: int, hear: Take) -> Exchange | bool:
        """Hand in a request that stands whole in what was read from a socket.

        Args:
            message: what was read.
            most_head: bytes that the target and the header lines may have.
            hear: takes the completions on the event loop, the first one and each that follows a
                :meth:`Exchange.more` that gave None.

        Returns:
            True where the end of its body has not come yet, and False where it is anything but one inference
            request that can be read in one way only.

        """
        return self._queue().take(message, most_head, hear)

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


class _Loop(Queue):
    """What an ASGI application does with the queue of its loop."""

    async def serve(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        message = await receive()
        gone = message["type"] == "http.disconnect"
        more = gone or message.get("more_body", False)
        call = Call(self._loop.time())
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
        self.expect(call.ticket, call, receive)
        if gone:
            self.abandon(call.ticket)  # the engine records that it was asked and the client left
            return
        try:
            if more:
                call.feeder = self._loop.create_task(self._feed(call, receive))
            await self._answer(call, send, write)
        finally:
            self.abandon(call.ticket)
            for task in (call.watcher, call.feeder):
                if task is not None:
                    task.cancel()

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
        if kind == Kind.ENCODED and write is not None:
            await write(status, data)
            return
        if kind == Kind.CUT:
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if kind == Kind.WHOLE:
            await send({"type": "http.response.body", "body": data})
            return
        while True:
            if data:
                await send({"type": "http.response.body", "body": data, "more_body": True})
            more = self._inbox.more(call.ticket)
            if more is not None:
                kind, data = more
            else:
                kind, _, _, data = await self._next(call)
            if kind != Kind.CHUNK:
                break
        if kind == Kind.END:
            await send({"type": "http.response.body", "body": data})
        elif kind == Kind.CUT and data:
            await send({"type": "http.response.body", "body": data, "more_body": True})
        # A cut returns without the last message: the server then ends the connection abnormally: the truth.

    async def _next(self, call: Call) -> Completion:
        if call.arrived is not None:
            completion, call.arrived = call.arrived, None
            return completion
        answer: asyncio.Future[Completion] = self._loop.create_future()
        call.waiter = partial(resolve, answer)
        return await answer


def _encoded_writer(scope: MutableMapping[str, Any]) -> EncodedWriter | None:
    """Return the server's writer for answers that the engine has encoded; the answer to HEAD has no body."""
    extensions = scope.get("extensions")
    if not extensions or scope["method"] == "HEAD":
        return None
    writer: EncodedWriter | None = extensions.get(ENCODED)
    return writer


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
