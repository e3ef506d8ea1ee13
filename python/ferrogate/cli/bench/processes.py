"""CPU and memory of the processes under test, as seen from outside.

The load generator reads exact figures by thread at the edges of its own window; here is what reaches beyond
it: the whole process until its background work (the request log, above all) is done.
"""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Iterable

import psutil

__all__ = ["cpu_seconds", "memory_bytes", "raise_file_limit", "tree", "wait_idle"]

IDLE_SHARE = 0.02
"""Of one core: below this a process is idle."""


MOST_FILES = 1_048_576


def raise_file_limit() -> int:
    """Let this process, and those it starts, open as many files as the system allows; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft not in (resource.RLIM_INFINITY, wanted):
        with contextlib.suppress(ValueError, OSError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft


def tree(pids: Iterable[int]) -> list[psutil.Process]:
    """Find the processes and all their children; those that have ended are left out."""
    found: dict[int, psutil.Process] = {}
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            for member in (process, *process.children(recursive=True)):
                found[member.pid] = member
    return list(found.values())


def cpu_seconds(pids: Iterable[int]) -> float:
    """Sum up user and system time of the processes and their living children, in ticks of 10 ms."""
    total = 0.0
    for process in tree(pids):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def memory_bytes(pids: Iterable[int]) -> tuple[int, int | None]:
    """Sum up resident memory, and the proportional share of it (PSS) where the system tells, in bytes.

    Resident memory counts pages that processes share once for each of them.
    """
    resident, proportional = 0, 0
    known = True
    for process in tree(pids):
        with contextlib.suppress(psutil.NoSuchProcess):
            resident += process.memory_info().rss
            try:
                proportional += process.memory_full_info().pss
            except (psutil.AccessDenied, AttributeError):
                known = False
    return resident, proportional if known else None


def wait_idle(pids: Iterable[int], bound: float = 30.0, probe: float = 0.5) -> bool:
    """Wait until the processes use under 2 % of a core for ``probe`` seconds; False if not in ``bound``."""
    pids = list(pids)
    deadline = time.monotonic() + bound
    before = cpu_seconds(pids)
    while time.monotonic() < deadline:
        time.sleep(probe)
        now = cpu_seconds(pids)
        # Both readings are whole ticks, so a difference of one tick may be nothing at all.
        if now - before <= max(IDLE_SHARE * probe, 0.011):
            return True
        before = now
    return False
