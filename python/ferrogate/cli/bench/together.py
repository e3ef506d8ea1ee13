"""Several loads at one time, each by a generator of its own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from ferrogate.cli.bench.load import Load, run_load

__all__ = ["Together"]


class _EndedError(Exception):
    """Raised in a load's progress to end it."""


class Together:
    """Loads on one server while the block runs; leaving it early ends them.

    Usage::

        with Together([json, streams], server.url) as running:
            while not running.is_done():
                ...
            reports = running.reports()
    """

    def __init__(self, loads: Sequence[Load], url: str) -> None:
        self._ending = threading.Event()
        self._reports: list[dict[str, Any] | None] = [None] * len(loads)
        self._errors: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._run, args=(number, load, url)) for number, load in enumerate(loads)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def is_done(self) -> bool:
        """Whether all have ended, or one could not run."""
        return bool(self._errors) or not any(thread.is_alive() for thread in self._threads)

    def reports(self) -> list[dict[str, Any]]:
        """Wait for their reports, in the order of the loads. Raises what a load could not run for."""
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
        return [report for report in self._reports if report is not None]

    def _run(self, number: int, load: Load, url: str) -> None:
        def progress(_: dict[str, Any]) -> None:
            if self._ending.is_set():
                raise _EndedError

        try:
            self._reports[number] = run_load(load, url, {}, progress)
        except _EndedError:
            pass
        except Exception as error:  # a thread's failure belongs to whoever waits for it
            self._errors.append(error)
