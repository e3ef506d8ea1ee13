"""What the gateway's log says about one run: which lane was sent what, and how long clients waited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, sqrt
from typing import Any

__all__ = ["Sent", "Traffic", "percentile"]


@dataclass(frozen=True)
class Sent:
    """One attempt: seconds after the start of the run, the lane's key, and whether it failed.

    One that the client left is no failure.
    """

    at: float
    lane: str
    failed: bool


@dataclass(frozen=True)
class Traffic:
    """All attempts in order, and what clients saw. Requests that their clients left are in neither count."""

    sent: Sequence[Sent]
    answered: int
    failed: int
    waits: Sequence[float]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], begun: float) -> Traffic:
        """Read rows of the log; ``begun`` is the unix time of the start, in seconds."""
        sent: list[Sent] = []
        waits: list[float] = []
        counts = {"ok": 0, "cancelled": 0}
        failed = 0
        for row in rows:
            sent += _attempts(row, begun)
            if row["latency"]["ttft_ms"] is not None:
                waits.append(row["latency"]["ttft_ms"] / 1000)
            if row["outcome"] in counts:
                counts[row["outcome"]] += 1
            else:
                failed += 1
        return cls(sorted(sent, key=lambda one: one.at), counts["ok"], failed, sorted(waits))

    @property
    def success(self) -> float | None:
        """Share of the requests that were answered whole."""
        ended = self.answered + self.failed
        return self.answered / ended if ended else None

    def share(self, lane: str, since: float, until: float) -> float | None:
        """Its part of what was sent in ``[since, until)``; None where nothing was."""
        within = [one.lane == lane for one in self.sent if since <= one.at < until]
        return sum(within) / len(within) if within else None

    def course(self, lane: str, window: float, seconds: float) -> list[int]:
        """How many it was sent in each window of the run."""
        counts = [0] * ceil(seconds / window)
        for one in self.sent:
            number = int(one.at // window)
            if one.lane == lane and 0 <= number < len(counts):
                counts[number] += 1
        return counts

    def after(self, lane: str, since: float, count: int) -> float | None:
        """When the lane was sent its attempt number ``count`` after ``since``; None where it never was."""
        its = [one.at for one in self.sent if one.lane == lane and one.at >= since]
        return its[count - 1] if len(its) >= count else None

    def above(self, lane: str, fair: float, since: float, until: float) -> float | None:
        """How far its count is above its fair share, in standard deviations of a fair draw."""
        within = [one.lane == lane for one in self.sent if since <= one.at < until]
        spread = sqrt(len(within) * fair * (1.0 - fair))
        return (sum(within) - len(within) * fair) / spread if spread else None


def _attempts(row: Mapping[str, Any], begun: float) -> Iterable[Sent]:
    at = datetime.fromisoformat(row["started_at"]).timestamp() - begun
    if not row["attempts"]:
        if row["key"] is not None:
            yield Sent(at, row["key"], failed=row["outcome"] not in ("ok", "cancelled"))
        return
    *earlier, last = row["attempts"]
    for attempt in earlier:
        yield Sent(at, attempt["key"], failed=attempt["error"] is not None)
        at += (attempt["duration_ms"] or 0.0) / 1000
    yield Sent(at, last["key"], failed=row["outcome"] not in ("ok", "cancelled"))


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value below which that share lies, by the nearest rank; None where there is none."""
    return ordered[max(0, ceil(len(ordered) * share) - 1)] if ordered else None
