"""What the gateway holds, every few seconds: memory, descriptors, threads, files, requests."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

__all__ = ["SERIES", "Sampler", "Series", "gauges"]

SERIES = (
    "rss",
    "fds",
    "threads",
    "journal",
    "payloads",
    "database",
    "in_flight",
    "connections",
    "lag",
    "failures",
)
"""What is sampled: bytes, counts, and rows that are in the journal and not yet in the database."""
PAYLOADS = "payload"
"""How the folder or the files of payload segments begin."""


@dataclass
class Series:
    """Samples by name, and when they were taken, in seconds from the start."""

    seconds: list[float] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in SERIES})


def gauges(url: str) -> dict[str, float]:
    """All samples of /metrics, summed over their labels."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    found: dict[str, float] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.split(" ")[:2]
            found[name.partition("{")[0]] = found.get(name.partition("{")[0], 0.0) + float(value)
    return found


def sizes(data: Path) -> dict[str, float]:
    """Bytes of the data folder by what they are for."""
    found = {"journal": 0.0, "payloads": 0.0, "database": 0.0}
    for path in data.rglob("*"):
        try:
            size = path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue  # deleted since the folder was listed
        names = path.relative_to(data).parts
        if names[0].startswith("gateway.db"):
            found["database"] += size
        elif any(name.startswith(PAYLOADS) for name in names):
            found["payloads"] += size
        elif names[0] == "journal":
            found["journal"] += size
    return found


class Sampler:
    """A thread that samples until it is told to stop."""

    def __init__(self, url: str, pid: int, data: Path, failures: Callable[[], int], every: float) -> None:
        self.series = Series()
        self.error: Exception | None = None
        self._url, self._process, self._data = url, psutil.Process(pid), data
        self._failures, self._every = failures, every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._begun = time.monotonic()

    def start(self) -> None:
        self._begun = time.monotonic()
        self._thread.start()

    def stop(self) -> Series:
        """Take a last sample, and return all of them. Raises what ended the thread early."""
        self._stopping.set()
        self._thread.join()
        if self.error is not None:
            raise self.error
        return self.series

    def _run(self) -> None:
        try:
            while True:
                self._sample()
                if self._stopping.wait(self._every):
                    return
        except Exception as error:
            self.error = error

    def _sample(self) -> None:
        now = time.monotonic() - self._begun
        sample = self._read(gauges(self._url))
        self.series.seconds.append(round(now, 3))
        for name in SERIES:
            self.series.values[name].append(sample[name])

    def _read(self, metrics: Mapping[str, float]) -> dict[str, Any]:
        with self._process.oneshot():
            held = {
                "rss": self._process.memory_info().rss,
                "fds": self._process.num_fds(),
                "threads": self._process.num_threads(),
            }
        return {
            **held,
            **sizes(self._data),
            "in_flight": metrics["ferrogate_in_flight_requests"],
            "connections": metrics["ferrogate_client_connections"],
            "lag": max(0.0, metrics["ferrogate_journal_rows_total"] - metrics["ferrogate_log_rows_total"]),
            "failures": self._failures(),
        }

    def rss(self) -> float:
        """Bytes of memory, now."""
        return float(self._process.memory_info().rss)
