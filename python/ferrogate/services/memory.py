"""Gives memory back to the system once a crowd has left.

The C library keeps what thousands of streams held, for the next thousands: after 9,000 streams that is
several times what an idle gateway needs. Asking it to let go takes milliseconds in which allocations wait, so
it is asked only when most of a crowd is gone.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

__all__ = ["Trimmer", "system_release"]

_CROWD = 256


def system_release() -> Callable[[], object] | None:
    """Find the C library's way to give memory back; None where it has none."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return None if trim is None else lambda: trim(0)


class Trimmer:
    """Looks now and then at how many clients there are.

    Args:
        clients: counts them.
        release: gives memory back to the system.

    """

    def __init__(self, clients: Callable[[], int], release: Callable[[], object]) -> None:
        self._clients = clients
        self._release = release
        self._most = 0

    def look(self) -> None:
        """Let go of memory where more than half of a crowd has left since the last time."""
        now = self._clients()
        self._most = max(self._most, now)
        if self._most >= _CROWD and now <= self._most // 2:
            self._release()
            self._most = now
