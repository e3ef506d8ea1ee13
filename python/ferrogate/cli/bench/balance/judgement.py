"""What is promised of one lane's traffic, measured in the log of a live run."""

from __future__ import annotations

from typing import Any

from ferrogate.cli.bench.balance.staging import Play, name_of
from ferrogate.cli.bench.balance.traffic import Traffic

__all__ = ["WINDOW", "judge"]

WINDOW = 2.0
"""Seconds over which shares are looked at."""
NOISE = 3.0
"""Standard deviations above the fair share that a window may have: a fair draw exceeds them once in 740."""
JOINS_UNTIL = 20.0


def judge(play: Play, traffic: Traffic) -> list[dict[str, Any]]:
    """The promises about the watched lane; none where nothing is watched."""
    kind = play.watch.get("kind")
    if kind is None:
        return []
    lane = name_of(play.watch["lane"])
    fair = play.weights[play.watch["lane"]] / sum(play.weights)
    since = play.watched_at
    if kind == "fails_fast":
        twentieth = traffic.after(lane, since, 20)
        # A lane that never got its 20 has nothing after them.
        value = 0.0 if twentieth is None else traffic.share(lane, twentieth + 1e-6, play.seconds) or 0.0
        return [_bar(play, "share of what follows the 20th", value, at_most=0.02)]
    if kind == "recovers":
        value = _part(traffic, lane, fair, since + 30.0, since + 40.0)
        return [_bar(play, "its part of its fair share after 30..40 s", value, at_least=0.8)]
    count = int(JOINS_UNTIL / WINDOW)
    windows = [(since + WINDOW * number, since + WINDOW * (number + 1)) for number in range(count)]
    above = [traffic.above(lane, fair, *window) for window in windows]
    most = max((value for value in above if value is not None), default=0.0)
    value = _part(traffic, lane, fair, since + 10.0, since + 15.0)
    return [
        _bar(play, f"most above its fair share in {WINDOW:g} s, deviations", most, at_most=NOISE),
        _bar(play, "its part of its fair share after 10..15 s", value, at_least=0.5),
    ]


def _part(traffic: Traffic, lane: str, fair: float, since: float, until: float) -> float:
    return (traffic.share(lane, since, until) or 0.0) / fair


def _bar(
    play: Play, what: str, value: float, *, at_most: float | None = None, at_least: float | None = None
) -> dict[str, Any]:
    bar = at_most if at_most is not None else at_least
    met = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
    return {"what": f"{play.name}: {what}", "value": value, "bar": bar, "met": met, "aim": False}
