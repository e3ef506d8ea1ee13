"""Seeded unit vectors that lie like sentence embeddings: topics, in them questions, around each its wordings.

64 topics are random directions. Each of 2,000 centres is a topic plus 1.3 times a random direction, so
that centres of one topic have a cosine near .37 and others near 0. An entry is a centre plus a random
direction of a length drawn evenly from .35 to .9, so that two wordings of one centre have a cosine of
.55 to .89. Half of the queries are new wordings of a centre, half are an entry plus a random direction
of a length from .3 to 1.2 (the entry itself then has a cosine of .64 to .96).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

TOPICS = 64
CENTRES = 2_000
DIMENSIONS = 384


@dataclass(frozen=True)
class Data:
    """Entries and queries, each of shape (n, 384) and length 1, and the entry nearest to each query."""

    entries: Rows
    queries: Rows
    nearest: NDArray[np.int64]
    cosines: Rows

    def percentiles(self, *shares: float) -> list[float]:
        """Of the cosines between queries and the entries nearest to them."""
        return [round(float(share), 3) for share in np.percentile(self.cosines, shares)]


def generate(entries: int, queries: int, seed: int) -> Data:
    """The same vectors for the same numbers."""
    random = np.random.default_rng(seed)
    topics = directions(random, TOPICS)
    centres = unit(topics[random.integers(0, TOPICS, CENTRES)] + 1.3 * directions(random, CENTRES))
    rows = unit(around(random, centres, entries, 0.35, 0.9))
    fresh = around(random, centres, queries - queries // 2, 0.35, 0.9)
    near = around(random, rows, queries // 2, 0.3, 1.2)
    asked = unit(np.concatenate([fresh, near]))
    random.shuffle(asked)
    similar = asked @ rows.T
    nearest = similar.argmax(axis=1)
    return Data(rows, asked, nearest, similar[np.arange(queries), nearest])


def directions(random: np.random.Generator, count: int) -> Rows:
    """Evenly distributed unit vectors."""
    return unit(random.standard_normal((count, DIMENSIONS), dtype=np.float32))


def around(random: np.random.Generator, places: Rows, count: int, least: float, most: float) -> Rows:
    """Points at a distance between two bounds from places picked at random."""
    picked = places[random.integers(0, len(places), count)]
    lengths = random.uniform(least, most, (count, 1)).astype(np.float32)
    return picked + lengths * directions(random, count)


def unit(rows: Rows) -> Rows:
    """The rows at length 1."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
