"""A request's way through its hooks, in the pure Python engine.

Plain functions run on threads of each hook's own, coroutines on the loop that serves the request. A call that
is over its time is given up and interrupted; unlike the compiled engine this one starts no thread in the
place of one that does not come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Final
from weakref import WeakKeyDictionary

from ferrogate.engine.snapshot import Snapshot
from ferrogate.hooks import RequestContext, ResponseContext
from ferrogate.hooks.bound import Bound
from ferrogate.hooks.load import HookSet, Installed
from ferrogate.reference.errors import RequestError

__all__ = ["Passage", "chain_of", "split_events"]

Pairs = list[tuple[str, str]]

_NOT_TO_SET: Final = frozenset(
    {
        "authorization", "connection", "content-encoding", "content-length", "content-type", "cookie", "date",
        "host", "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_EVENT: Final = re.compile(rb".*?(?:\r\n\r\n|\n\n|\r\r)", re.DOTALL)
_ENDS: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")
_ERROR_LENGTH: Final = 200


def chain_of(snapshot: Snapshot, hooks: HookSet, model: str, *, pinned: bool) -> list[Installed]:
    """Return the hooks of a request; one that names its provider goes past the aliases.

    Raises:
        RequestError: the code of one is gone.

    """
    alias = None if pinned else next((one for one in snapshot.aliases if one.name == model), None)
    ids = snapshot.hooks if alias is None or alias.hooks is None else alias.hooks
    known = {hook.id: hook for hook in hooks.installed}
    try:
        return [known[number] for number in ids]
    except KeyError:
        raise RequestError("hook_failed", "A hook of this route was just loaded anew; try again.") from None


def split_events(data: bytes) -> tuple[list[bytes], bytes]:
    """Return whole events, and what stands behind the last of them."""
    events = _EVENT.findall(data)
    return events, data[sum(map(len, events)) :]


class _FailedError(Exception):
    """A hook did not do its work; ``outcome`` and text are for the log."""

    def __init__(self, outcome: str, text: str) -> None:
        super().__init__(text)
        self.outcome = outcome


class _Threads:
    """The threads of one hook: an executor's would hold up the end of the process while code hangs."""

    def __init__(self, threads: int, most: int) -> None:
        self.most = most
        self.waiting = 0
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        for _ in range(threads):
            threading.Thread(target=self._serve, name="ferrogate-hook", daemon=True).start()

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        """Have a call made on one of them."""
        future: Future[Any] = Future()
        self._calls.put((future, call))
        return future

    def _serve(self) -> None:
        while True:
            future, call = self._calls.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)


_THREADS: WeakKeyDictionary[Bound, _Threads] = WeakKeyDictionary()


class Passage:
    """The hooks of one request.

    Args:
        hooks: in their order.
        context: what they are told.
        note: takes the lines of the request's record.

    """

    def __init__(
        self, hooks: Sequence[Installed], context: RequestContext, note: Callable[[dict[str, Any]], None]
    ) -> None:
        self._hooks = hooks
        self._context = context
        self._note = note

    def sees(self, function: str) -> bool:
        """Whether any hook has this function."""
        return any(function in hook.bound.stages for hook in self._hooks)

    async def request(self, body: bytes, check: Callable[[bytes], None]) -> tuple[bytes, Pairs]:
        """Run a request through; its body, and headers beside.

        Raises:
            RequestError: a hook refused it, or failed.

        """
        return await self._body("on_request", self._hooks, body, self._context, check)

    async def response(
        self, body: bytes, context: ResponseContext, check: Callable[[bytes], None]
    ) -> tuple[bytes, Pairs]:
        """Run a whole answer through, in the reverse order."""
        return await self._body("on_response", reversed(self._hooks), body, context, check)

    async def events(self, events: list[bytes], context: ResponseContext) -> list[bytes]:
        """Run whole events through; what says how the stream ended is not shown."""
        out: list[bytes] = []
        batch: list[bytes] = []
        for event in events:
            if b"[DONE]" in event or b'"error"' in event[:64]:
                out += [*await self._batch(batch, context), event]
                batch = []
            else:
                batch.append(event)
        return out + await self._batch(batch, context)

    def answered(self, status: int, provider: str, model: str, cache: str) -> ResponseContext:
        """Return what hooks are told of an answer."""
        return ResponseContext(self._context, status, provider, model, cache)

    async def _body(
        self,
        function: str,
        hooks: Iterable[Installed],
        body: bytes,
        context: Any,
        check: Callable[[bytes], None],
    ) -> tuple[bytes, Pairs]:
        added: Pairs = []
        for hook in hooks:
            if function not in hook.bound.stages:
                continue

            def checked(made: Any) -> None:
                new = made[0] if isinstance(made, tuple) else made
                if isinstance(new, bytes):
                    check(new)

            made = await self._call(hook, function, body, context, checked)
            new, headers = made if isinstance(made, tuple) else (made, [])
            body = body if new is None else new
            added += [pair for pair in headers if _may_be_set(*pair)]
        return body, added

    async def _batch(self, events: list[bytes], context: ResponseContext) -> list[bytes]:
        def checked(made: Any) -> None:
            if made is not None and not all(event == b"" or event.endswith(_ENDS) for event in made):
                raise ValueError("it returned what is no whole event: one ends with a blank line")

        for hook in reversed(self._hooks):
            if events and "on_event" in hook.bound.stages:
                made = await self._call(hook, "on_event", events, context, checked)
                events = events if made is None else made
        return events

    async def _call(
        self, hook: Installed, function: str, seen: Any, context: Any, check: Callable[[Any], None]
    ) -> Any:
        begun = time.perf_counter()
        outcome, text, made = "passed", None, None
        try:
            made = await _run(hook, function, seen, context)
            if isinstance(made, str):
                outcome = "vetoed"
                raise RequestError("hook_vetoed", made)
            check(made)
            outcome = "passed" if made is None else "changed"
        except RequestError:
            raise
        except _FailedError as failed:
            outcome, text = failed.outcome, str(failed)
        except Exception as error:  # a hook may raise anything
            outcome, text = "raised", f"{type(error).__name__}: {error}"
        finally:
            line: dict[str, Any] = {
                "hook": hook.name,
                "stage": function.removeprefix("on_"),
                "outcome": outcome,
                "calls": 1,
                "us": int((time.perf_counter() - begun) * 1e6),
                "queue_us": 0,
                "gil_us": 0,
            }
            if function == "on_event":
                line["events"] = len(seen)
            if text is not None:
                line["error"] = text[:_ERROR_LENGTH]
            self._note(line)
        if text is None:
            return made
        if hook.section.on_failure == "open":
            return None
        why = {"late": "took too long", "full": "has too much to do; try again"}.get(outcome, "failed")
        raise RequestError("hook_failed", f'The hook "{hook.name}" {why}.')


async def _run(hook: Installed, function: str, seen: Any, context: Any) -> Any:
    bound, limit = hook.bound, hook.section.timeout_ms / 1000
    try:
        async with asyncio.timeout(limit):
            if bound.is_async:
                return await bound.awaited(function, seen, context)
            return await _on_a_thread(hook, getattr(bound, function), seen, context)
    except TimeoutError:
        raise _FailedError("late", "it took too long") from None


async def _on_a_thread(hook: Installed, code: Callable[..., Any], seen: Any, context: Any) -> Any:
    section = hook.section
    threads = _THREADS.get(hook.bound)
    if threads is None:
        threads = _THREADS[hook.bound] = _Threads(section.threads, section.threads + section.queue)
    if threads.waiting >= threads.most:
        raise _FailedError("full", "too many calls wait for it")
    running: list[int] = []

    def call() -> Any:
        running.append(threading.get_ident())
        try:
            return code(seen, context)
        finally:
            running.clear()

    threads.waiting += 1
    future = threads.submit(call)
    future.add_done_callback(lambda _: _left(threads))
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        with contextlib.suppress(IndexError):
            hook.bound.interrupt(running[0])
        raise


def _left(threads: _Threads) -> None:
    threads.waiting -= 1


def _may_be_set(name: str, value: str) -> bool:
    text = name.lower()
    if text in _NOT_TO_SET or text.startswith(("x-gateway-", "x-forwarded-")) or not _NAME.fullmatch(name):
        return False
    return value.isascii() and value.isprintable()
