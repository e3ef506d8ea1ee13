"""The event loops that requests come from, so that coroutines of hooks run where the caller's own do."""

from __future__ import annotations

import asyncio
import weakref

__all__ = ["find_loop", "know_loop"]

_LOOPS: weakref.WeakValueDictionary[int, asyncio.AbstractEventLoop] = weakref.WeakValueDictionary()


def know_loop(home: int, loop: asyncio.AbstractEventLoop) -> None:
    """Remember the loop behind a queue of requests, by the queue's descriptor."""
    _LOOPS[home] = loop


def find_loop(home: int | None) -> asyncio.AbstractEventLoop | None:
    """Return the loop behind a queue; None where requests came from no loop, or it is closed."""
    loop = None if home is None else _LOOPS.get(home)
    return loop if loop is not None and loop.is_running() else None
