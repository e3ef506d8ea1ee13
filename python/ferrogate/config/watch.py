"""Notices that the configuration file, or another, changed, by looking about once a second.

Looking beats notification here: it works on network and overlay file systems, through the symbolic links by
which Kubernetes swaps a ConfigMap, and for editors that write a new file and rename it. One ``stat`` a second
costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

__all__ = ["Stamp", "stamp", "watch"]

Stamp = tuple[tuple[int, int, int, int], ...]
"""Device, inode, size, modification time in nanoseconds of each file; a difference is a change."""


def stamp(*paths: Path) -> Stamp | None:
    """Look at the files behind the paths, links followed; None where one is missing."""
    try:
        found = [path.stat() for path in paths]
    except OSError:
        return None
    return tuple((file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns) for file in found)


async def watch(
    paths: Path | tuple[Path, ...] | Callable[[], tuple[Path, ...]],
    changed: Callable[[], Awaitable[None]],
    *,
    interval: float = 1.0,
    seen: Stamp | None = None,
) -> None:
    """Await ``changed`` after every change of the file, until cancelled.

    A change counts once it has stood still for one look, so that a half-written file is not read. A file that
    is gone is no change: it is about to be replaced, or the last configuration stays. What ``changed`` raises
    ends the watch; a bad file is its own to report.

    Args:
        paths: the file, or files that change together, or what names them at the moment.
        changed: called on the event loop, never twice at once.
        interval: seconds between two looks.
        seen: what was loaded, from :func:`stamp` taken before the file was read; default: what is there now.

    """

    def look() -> Stamp | None:
        files = paths() if callable(paths) else paths
        return stamp(*((files,) if isinstance(files, Path) else files))

    last = seen if seen is not None else look()
    waiting: Stamp | None = None
    while True:
        await asyncio.sleep(interval)
        now = look()
        if now is None or now == last:
            waiting = None
        elif now == waiting:
            waiting = None
            await changed()
            # Other files may count from here on. A change meanwhile is seen where it is one of the same.
            last = look() if callable(paths) else now
        else:
            waiting = now
