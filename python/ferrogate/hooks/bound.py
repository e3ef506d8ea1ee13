"""A hook as the engine calls it: one form of arguments and results for whatever the code is.

The engine's threads call the functions by name, for a coroutine :meth:`Bound.dispatch`. Results are None,
bytes, a list of bytes, ``(body, headers)``, or the text of a veto; see ``rust/py/src/hooks.rs``.
"""

from __future__ import annotations

import asyncio
import ctypes
import inspect
import logging
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from ferrogate.hooks.api import Change, HookTimeout, RequestContext, ResponseContext, Veto
from ferrogate.hooks.loops import find_loop

__all__ = ["FUNCTIONS", "Bound", "Call", "HookLoop"]

_log = logging.getLogger(__name__)

FUNCTIONS = ("on_request", "on_response", "on_event")
_QUIET_S = 10.0
"""Between two lines about one hook in the log; the request's own row has each."""

T = TypeVar("T")

Body = bytes | None | tuple[bytes | None, list[tuple[str, str]]] | str
Events = list[bytes] | None | str


class Call(Protocol):
    """One call of a coroutine; the engine's."""

    def arguments(self) -> tuple[str, tuple[Any, Any]] | None:
        """Return the function's name and arguments; None where nobody waits any more."""

    def left(self) -> float:
        """Return the seconds that are left."""

    def reply(self, value: Any) -> None:
        """Say what came of it."""

    def fail(self, why: str) -> None:
        """Say that it failed."""


class Bound:
    """A hook's functions.

    Args:
        name: for the log.
        hook: an object or a module with some of :data:`FUNCTIONS`.

    Raises:
        TypeError: it has none of them, or one is no function, or some are coroutines and some are not.

    """

    request_context = RequestContext
    answer_context = ResponseContext
    thread = staticmethod(threading.get_ident)

    def __init__(self, name: str, hook: object) -> None:
        found = {function: getattr(hook, function, None) for function in FUNCTIONS}
        self._functions = {function: code for function, code in found.items() if code is not None}
        self._name = name
        self._quiet_until = 0.0
        self._loop: HookLoop | None = None
        if not self._functions:
            raise TypeError(f"has none of {', '.join(FUNCTIONS)}")
        for function, code in self._functions.items():
            if not callable(code):
                raise TypeError(f"its {function} is no function")
        kinds = {_is_coroutine(code) for code in self._functions.values()}
        if len(kinds) > 1:
            raise TypeError("has plain functions and coroutines: make all of them one or the other")
        self.is_async = kinds.pop()

    @property
    def stages(self) -> frozenset[str]:
        """Which of :data:`FUNCTIONS` it has."""
        return frozenset(self._functions)

    def on_request(self, body: bytes, context: RequestContext) -> Body:
        """Call the hook's own."""
        return self._guarded(lambda: _body(self._functions["on_request"](body, context)))

    def on_response(self, body: bytes, context: ResponseContext) -> Body:
        """Call the hook's own."""
        return self._guarded(lambda: _body(self._functions["on_response"](body, context)))

    def on_event(self, events: list[bytes], context: ResponseContext) -> Events:
        """Call the hook's own for each event; None where all of them pass."""
        code = self._functions["on_event"]
        return self._guarded(lambda: _events(events, [code(event, context) for event in events]))

    def interrupt(self, thread: int) -> None:
        """Raise :class:`HookTimeout` in a thread at its next step in Python."""
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(HookTimeout))

    def dispatch(self, home: int | None, call: Call) -> None:
        """Run a call on the event loop that its request came from, or else on one of the hook's own."""
        loop = find_loop(home)
        if loop is None:
            if self._loop is None:
                self._loop = HookLoop(self._name)
            loop = self._loop.loop
        loop.call_soon_threadsafe(self._begin, loop, call)

    def close(self) -> None:
        """End the event loop of its own, if it has one."""
        if self._loop is not None:
            self._loop.close()

    def _begin(self, loop: asyncio.AbstractEventLoop, call: Call) -> None:
        task = loop.create_task(self.run(call), name=f"hook {self._name}")
        _RUNNING.add(task)
        task.add_done_callback(_RUNNING.discard)

    async def run(self, call: Call) -> None:
        """Run a call of a coroutine, and reply."""
        asked = call.arguments()
        if asked is None:
            return
        function, (seen, context) = asked
        try:
            async with asyncio.timeout(call.left()):
                call.reply(await self.awaited(function, seen, context))
        except Exception as error:
            self._note(error)
            call.fail(f"{type(error).__name__}: {error}")
        except BaseException:
            call.fail("it was cancelled")
            raise

    async def awaited(self, function: str, seen: Any, context: Any) -> Any:
        """Await a coroutine's result, in the engine's form."""
        code: Callable[..., Awaitable[Any]] = self._functions[function]
        try:
            if function == "on_event":
                return _events(seen, [await code(event, context) for event in seen])
            return _body(await code(seen, context))
        except Veto as veto:
            return str(veto)

    def _guarded(self, work: Callable[[], T]) -> T | str:
        try:
            return work()
        except Veto as veto:
            return str(veto)
        except Exception as error:
            self._note(error)
            raise

    def _note(self, error: Exception) -> None:
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET_S
            at = traceback.extract_tb(error.__traceback__)[-1]
            _log.warning(
                "the hook %s failed: %s: %s (%s:%s in %s)",
                self._name, type(error).__name__, error, at.filename, at.lineno, at.name,
            )  # fmt: skip
            _log.debug("its traceback", exc_info=error)


_RUNNING: set[asyncio.Task[None]] = set()
"""An event loop keeps its tasks weakly."""


class HookLoop:
    """An event loop on a thread of its own."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"fg-hook-{name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; what runs is cancelled."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(1.0)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()


def _is_coroutine(code: object) -> bool:
    return inspect.iscoroutinefunction(code) or inspect.iscoroutinefunction(type(code).__call__)


def _body(made: object) -> Body:
    if made is None or type(made) is bytes:
        return made
    if isinstance(made, Change):
        body = None if made.body is None else _bytes(made.body)
        return body, [(str(name), str(value)) for name, value in made.headers.items()]
    return _bytes(made)


def _events(seen: list[bytes], made: list[object]) -> Events:
    if all(event is None for event in made):
        return None
    return [old if new is None else _bytes(new) for old, new in zip(seen, made, strict=True)]


def _bytes(made: object) -> bytes:
    if isinstance(made, bytes):
        return made
    if isinstance(made, bytearray | memoryview):
        return bytes(made)
    raise TypeError(f"it returned {type(made).__name__}, where None, bytes or a Change is asked for")
