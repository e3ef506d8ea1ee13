"""One event loop's queue of the engine: what is under way, and who waits for what of it.

One wake-up drains every completion that waits. Where the engine runs on this thread, the queue also sees that
it has its turns: after requests were handed in, when the descriptor is readable, and from time to time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from ferrogate.doors.refusals import DRAINING

if TYPE_CHECKING:
    from ferrogate.engine.facade import Inbox

__all__ = ["Call", "Completion", "Exchange", "Kind", "Message", "Queue", "Receive", "Send", "Take", "resolve"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Completion = tuple[int, int, Headers | None, bytes]
Take = Callable[[Completion], None]


class Kind:
    """The kinds of completions: rust/net/src/door/inbox.rs has the same numbers."""

    WHOLE: Final = 1
    CHUNK: Final = 2
    END: Final = 3
    CUT: Final = 4
    ROOM: Final = 5
    ENCODED: Final = 6
    OPENED: Final = 7
    LAST: Final = 8


_WATCH_AFTER = 0.05
"""Seconds after which a request is watched for its client leaving: most are over by then and do not pay."""


_TICK = 0.01
"""Seconds: so much later than its time may a timeout of the engine be when it runs on the loop's thread."""
_IDLE_TICK = 0.25

_GONE: Completion = (Kind.CUT, 0, None, b"")
_CLOSED: Completion = (Kind.WHOLE, *DRAINING)


class Call:
    """One request on its way through the engine."""

    __slots__ = ("arrived", "feeder", "room", "since", "ticket", "waiter", "watcher")

    def __init__(self, since: float) -> None:
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


class Exchange:
    """One request that the engine took from a socket's bytes, and its answer as bytes for it."""

    __slots__ = ("_home", "_ticket", "complete")

    def __init__(self, home: Queue, ticket: int, hear: Take) -> None:
        self._home = home
        self._ticket = ticket
        self.complete = hear

    def more(self) -> tuple[int, bytes] | None:
        """Say that everything was written: what has come since, or None, and a completion will follow."""
        return self._home.more(self._ticket)

    def forget(self) -> None:
        """Say that the answer was written to its end."""
        self._home.drop(self._ticket)

    def leave(self) -> None:
        """Say that the client left."""
        self._home.abandon(self._ticket)


class Queue:
    """The engine as one event loop sees it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, inbox: Inbox) -> None:
        self._loop = loop
        self._inbox = inbox
        self._calls: dict[int, tuple[Call | Exchange, Receive | None]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._here = inbox.here
        self._due = False
        self._ticks = loop.call_soon(self._tick) if self._here else None
        loop.add_reader(inbox.fileno(), self._drain, True)

    def close(self) -> None:
        """Cancel what runs; whoever waits for an answer gets a refusal."""
        for timer in (self._sweep, self._ticks):
            if timer is not None:
                timer.cancel()
        self._loop.remove_reader(self._inbox.fileno())
        self._inbox.close()
        for call, _ in list(self._calls.values()):
            call.complete(_CLOSED)

    def take(self, message: bytes, most_head: int, hear: Take) -> Exchange | bool:
        """Hand in what was read from a socket; see ``InferenceApp.take``."""
        ticket = self._inbox.take(message, most_head)
        if not ticket:
            return ticket is not None
        exchange = Exchange(self, ticket, hear)
        self.expect(ticket, exchange, None)
        return exchange

    def more(self, ticket: int) -> tuple[int, bytes] | None:
        """See :meth:`Exchange.more`."""
        return self._inbox.more(ticket)

    def drop(self, ticket: int) -> None:
        """Forget whose a ticket was."""
        self._calls.pop(ticket, None)

    def abandon(self, ticket: int) -> None:
        """Have the engine end what it still does for a ticket, at once."""
        self.drop(ticket)
        self._inbox.cancel(ticket)

    def expect(self, ticket: int, call: Call | Exchange, receive: Receive | None) -> None:
        """Know whom the completions of a ticket are for."""
        self._calls[ticket] = (call, receive)
        self._turn_soon()
        if receive is not None and self._sweep is None:
            self._sweep = self._loop.call_later(_WATCH_AFTER, self._watch_old)

    def _turn_soon(self) -> None:
        if self._here and not self._due:
            # Once for everything that this round of the loop brings.
            self._due = True
            self._loop.call_soon(self._drain, False)

    def _tick(self) -> None:
        """Let the engine see to what is late, where it has no thread that waits for that."""
        self._drain(True)
        self._ticks = self._loop.call_later(_TICK if self._calls else _IDLE_TICK, self._tick)

    def _drain(self, news: bool) -> None:
        self._due = False
        calls = self._calls
        for ticket, kind, status, headers, data in self._inbox.drain(news):
            entry = calls.get(ticket)
            if entry is None:
                continue
            call = entry[0]
            if kind == Kind.ROOM:
                if isinstance(call, Call):
                    resolve(call.room, None)
                continue
            call.complete((kind, status, headers, data))

    def _watch_old(self) -> None:
        """Watch the requests that have run for a while; one timer serves them all."""
        now = self._loop.time()
        for call, receive in self._calls.values():
            if receive is None or not isinstance(call, Call):
                continue
            if call.is_unwatched and now - call.since >= _WATCH_AFTER:
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


def resolve(future: asyncio.Future[Any] | None, value: object) -> None:
    """Give a value to whoever still waits for one."""
    if future is not None and not future.done():
        future.set_result(value)
