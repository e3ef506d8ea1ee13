"""Whether a series is flat: a slope that odd samples cannot bend, and a bound in the series' own unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["Bound", "Verdict", "judge", "slope"]


@dataclass(frozen=True)
class Bound:
    """How much a series may grow over the judged part: the larger of a share of its median and an amount."""

    share: float
    amount: float

    def of(self, level: float) -> float:
        return max(self.share * abs(level), self.amount)


@dataclass(frozen=True)
class Verdict:
    """What was found of one series."""

    level: float
    """Its median over the judged part."""
    growth: float
    """By the slope, from the judged part's start to its end."""
    bound: float
    start: float
    end: float
    """Where the judged part begins and ends."""
    per_second: float

    @property
    def flat(self) -> bool:
        """A series may always shrink."""
        return self.growth <= self.bound


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """Return the Theil-Sen slope: the median of the slopes between all pairs of points.

    Up to 29 % of the points may be anything at all. Long series are thinned to 200 points first.
    """
    step = max(1, len(times) // 200)
    points = list(zip(times, values, strict=True))[::step]
    slopes = [
        (y2 - y1) / (x2 - x1) for at, (x1, y1) in enumerate(points) for x2, y2 in points[at + 1 :] if x2 != x1
    ]
    return median(slopes) if slopes else 0.0


def judge(times: Sequence[float], values: Sequence[float], bound: Bound, *, since: float = 0.5) -> Verdict:
    """Judge the part of a series from ``since`` of its time on."""
    if len(times) < 4:
        raise ValueError("a series of fewer than four samples says nothing")
    start = times[0] + since * (times[-1] - times[0])
    judged = [(x, y) for x, y in zip(times, values, strict=True) if x >= start]
    per_second = slope([x for x, _ in judged], [y for _, y in judged])
    level = median(y for _, y in judged)
    growth = per_second * (times[-1] - start)
    return Verdict(level, growth, bound.of(level), start, times[-1], per_second)
