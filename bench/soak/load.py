"""The load: JSON and streams side by side by the generator, at a share of what the machine can do at most."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ferrogate.cli.bench.load import Load, run_load
from ferrogate.errors import FerrogateError

__all__ = ["Mixed", "Rates", "saturation"]

SHARE = 0.65
"""Of saturation: the highest rate that a gateway can hold for long."""
BODY_BYTES = 2_000
JSON_CONNECTIONS, STREAM_CONNECTIONS = 128, 512


@dataclass(frozen=True)
class Rates:
    """Requests a second."""

    json: float
    streams: float

    @classmethod
    def steady(cls, most: Rates) -> Rates:
        """Half of the time for each kind, at 65 % of what it can do alone."""
        return cls(round(SHARE * most.json / 2, 1), round(SHARE * most.streams / 2, 1))


def _load(model: str, rate: float, duration: float, *, stream: bool, warmup: float = 0.0) -> Load:
    connections = STREAM_CONNECTIONS if stream else JSON_CONNECTIONS
    return Load(
        rate,
        duration,
        stream=stream,
        connections=connections,
        warmup=warmup,
        body_bytes=BODY_BYTES,
        model=model,
    )


def saturation(url: str, model: str, seconds: float, tell: Callable[[str], None]) -> Rates:
    """Measure how many JSON requests, and how many streams, a second are possible, each by itself."""
    found = []
    for stream in (False, True):
        tell(f"saturation of {'streams' if stream else 'JSON'} for {seconds:g} s")
        load = _load(model, 0.0, seconds, stream=stream, warmup=min(2.0, seconds))
        report = run_load(load, url, {}, None)
        rate = report["window"]["throughput"]
        if not rate or report["totals"]["failed"]:
            raise FerrogateError(f"saturation says nothing: {rate} a second, {report['totals']}")
        found.append(rate)
    return Rates(*found)


class Mixed:
    """Both loads, each in a thread of its own; the generator lets go of the GIL."""

    def __init__(self, url: str, model: str, rates: Rates, seconds: float) -> None:
        self.reports: dict[str, dict[str, Any]] = {}
        self._failed = {"json": 0, "streams": 0}
        self._error: Exception | None = None
        loads = {
            "json": _load(model, rates.json, seconds, stream=False),
            "streams": _load(model, rates.streams, seconds, stream=True),
        }
        self._threads = [
            threading.Thread(target=self._run, args=(name, load, url), name=f"load-{name}", daemon=True)
            for name, load in loads.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait for the end. Raises what ended a load early."""
        for thread in self._threads:
            while thread.is_alive():
                thread.join(0.5)  # Ctrl-C gets in between
        if self._error is not None:
            raise self._error

    def failures(self) -> int:
        """Requests without a whole answer so far."""
        return sum(self._failed.values())

    def unhappy(self) -> dict[str, int]:
        """By load: requests that were not answered with a whole 200."""
        return {
            name: report["requests"]["sent"] - report["requests"]["ok"]
            for name, report in self.reports.items()
        }

    def _run(self, name: str, load: Load, url: str) -> None:
        def progress(told: dict[str, Any]) -> None:
            self._failed[name] = told["failed"]

        try:
            self.reports[name] = run_load(load, url, {}, progress)
        except Exception as error:
            self._error = error
