"""Who is compared. Each searches for the one nearest to every query, one after the other, in one thread."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import hnswlib
import numpy as np

from .data import DIMENSIONS, Data

ROOT = Path(__file__).parent.parent.parent
LINKS = 16
BUILD_BREADTH = 200


@dataclass(frozen=True)
class Searched:
    """Microseconds a query, and the entry that each found."""

    us: list[float]
    found: Any


class Side(Protocol):
    """Who searches."""

    build_s: float

    def search(self) -> Searched:
        """Search once for each query."""


class Rust:
    """The crate's example in a process of its own; the clock runs in there."""

    def __init__(self, folder: str, breadth: int, *mode: str) -> None:
        command = [build("search"), folder, str(DIMENSIONS), *mode]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._breadth = breadth
        self.build_s = float(self._line()["build_s"])

    def search(self) -> Searched:
        assert self._process.stdin
        self._process.stdin.write(f"{self._breadth}\n")
        self._process.stdin.flush()
        answer = self._line()
        return Searched([ns / 1000 for ns in answer["ns"]], np.array(answer["found"]))

    def end(self) -> None:
        """Let the process go."""
        self._process.communicate()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


class Hnswlib:
    """hnswlib in f32, called once a query.

    ``call_us`` is what such a call takes where there is one entry to search: what Python costs.
    """

    def __init__(self, data: Data) -> None:
        self._queries = data.queries
        self._index = hnswlib.Index("ip", DIMENSIONS)
        self._index.init_index(len(data.entries), M=LINKS, ef_construction=BUILD_BREADTH, random_seed=1)
        begun = time.perf_counter()
        self._index.add_items(data.entries, num_threads=1)
        self.build_s = time.perf_counter() - begun
        self.ef = 10
        one = hnswlib.Index("ip", DIMENSIONS)
        one.init_index(1, M=LINKS)
        one.add_items(data.entries[:1])
        self.call_us = statistics.median(self._each(one).us)

    def search(self) -> Searched:
        self._index.set_ef(self.ef)
        return self._each(self._index)

    def _each(self, index: Any) -> Searched:
        took, found = [], []
        for query in self._queries:
            begun = time.perf_counter_ns()
            labels, _ = index.knn_query(query, k=1, num_threads=1)
            took.append((time.perf_counter_ns() - begun) / 1000)
            found.append(int(labels[0, 0]))
        return Searched(took, np.array(found))


@cache
def build(example: str = "search") -> str:
    """An example of the crate, built in release; where Cargo put it."""
    command = ["cargo", "build", "--release", "--locked", "-p", "ferrogate-index", "--example", example]
    answer = subprocess.run([*command, "--message-format=json"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    lines = map(json.loads, answer.stdout.splitlines())
    return next(str(line["executable"]) for line in lines if line.get("executable"))
