"""From samples to figures: medians, and ratios and differences of runs that stood next to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from ferrogate.cli.bench.load import Sample

__all__ = [
    "Difference",
    "Ratio",
    "Value",
    "difference_of",
    "median_of",
    "offered_rate",
    "ratio_of",
    "select",
]

SHARE_OF_MAXIMUM = 0.6
"""The offered rate, as a share of what the slowest of the compared servers can do at most."""


@dataclass(frozen=True)
class Ratio:
    """Median and range of ratios taken pair by pair, so that a slow moment of the machine cancels out."""

    median: float
    low: float
    high: float
    pairs: int

    def __str__(self) -> str:
        spread = f" ({self.low:.2f}-{self.high:.2f})" if self.pairs > 1 else ""
        return f"{self.median:.2f}x{spread}"


@dataclass(frozen=True)
class Difference:
    """Median and range of differences taken pair by pair."""

    median: float
    low: float
    high: float
    pairs: int


Value = Callable[[Sample], float | None]


def select(samples: Iterable[Sample], server: str, scenario: str, mode: str) -> list[Sample]:
    """Pick the runs of one server in one scenario and mode, in the order of rounds."""
    chosen = (s for s in samples if (s.server, s.scenario, s.mode) == (server, scenario, mode))
    return sorted(chosen, key=lambda sample: sample.round)


def median_of(samples: Sequence[Sample], value: Value) -> float | None:
    """None where no sample has the value."""
    known = [number for number in map(value, samples) if number is not None]
    return median(known) if known else None


def ratio_of(
    ours: Sequence[Sample], theirs: Sequence[Sample], value: Value, other: Value | None = None
) -> Ratio | None:
    """``value`` of ours by ``other`` (default: the same) of theirs, round by round; None without a pair."""
    ratios = [left / right for left, right in _pairs(ours, theirs, value, other) if right]
    if not ratios:
        return None
    return Ratio(median(ratios), min(ratios), max(ratios), len(ratios))


def difference_of(ours: Sequence[Sample], theirs: Sequence[Sample], value: Value) -> Difference | None:
    """``value`` of ours less that of theirs, round by round; None without a pair."""
    differences = [left - right for left, right in _pairs(ours, theirs, value, value)]
    if not differences:
        return None
    return Difference(median(differences), min(differences), max(differences), len(differences))


def _pairs(
    ours: Sequence[Sample], theirs: Sequence[Sample], value: Value, other: Value | None
) -> list[tuple[float, float]]:
    partners = {sample.round: (other or value)(sample) for sample in theirs}
    pairs = ((value(sample), partners.get(sample.round)) for sample in ours)
    return [(left, right) for left, right in pairs if left is not None and right is not None]


def offered_rate(maxima: Iterable[float]) -> float:
    """60 % of the slowest server's maximum, in round figures; at least 1 a second."""
    rate = SHARE_OF_MAXIMUM * min(maxima)
    digits = 0 if rate >= 100 else 1
    return max(1.0, round(rate, digits))
