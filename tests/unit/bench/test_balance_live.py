from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from ferrogate.cli.bench import together
from ferrogate.cli.bench.balance.judgement import judge
from ferrogate.cli.bench.balance.staging import WAITS, Act, Play, configuration, loads, stage
from ferrogate.cli.bench.balance.traffic import Sent, Traffic, percentile
from ferrogate.cli.bench.load import Load
from ferrogate.cli.bench.together import Together
from ferrogate.engine.facade import balance_scenarios


def staged(part: str, duration: float = 30.0, rate: float = 80.0) -> Play:
    return stage(next(one for one in balance_scenarios() if part in one["name"]), duration, rate)


def scripts(play: Play, lane: int) -> list[Act]:
    return [act for act in play.acts if act.lane == lane]


def test_phases_fit_the_time_and_waits_are_a_fifth() -> None:
    play = staged("70 %")
    before, after = scripts(play, 3)
    assert (before.at, after.at, play.watched_at) == (0.0, pytest.approx(6.0), pytest.approx(6.0))
    assert before.script["ttft_ms"] == pytest.approx(2000 * WAITS)
    assert (after.script["error_rate"], after.script["status"]) == (0.7, 503)
    # An error comes when the scenario has it, and a first token too.
    assert after.script["delay_ms"] == pytest.approx(50 * WAITS)
    assert after.script["delay_ms"] + after.script["ttft_ms"] == pytest.approx(2000 * WAITS)


def test_limits_and_rates_grow_together() -> None:
    said, silent = staged("says when"), staged("does not say")
    assert said.rate == 80.0
    limits = [scripts(play, 3)[0].script for play in (said, silent)]
    assert [limit["rate_limit_rps"] for limit in limits] == [pytest.approx(2 * 40 / 12)] * 2
    assert [limit["limit_silent"] for limit in limits] == [False, True]


@pytest.mark.parametrize(("part", "least"), [("brown-out", 40.0), ("joins", 20.0)])
def test_what_is_promised_in_seconds_gets_them(part: str, least: float) -> None:
    play = staged(part, duration=5.0)
    assert play.seconds - play.watched_at >= least


def test_a_lane_that_joins_is_not_configured_before() -> None:
    play = staged("joins")
    assert play.present == [0, 1, 2]
    (joining,) = scripts(play, 3)
    assert (joining.joins, joining.at) == (True, pytest.approx(play.watched_at))
    keys = yaml.safe_load(configuration(play, "http://127.0.0.1:1"))["providers"]["mock"]["keys"]
    assert [key["name"] for key in keys] == ["lane-0", "lane-1", "lane-2"]


def test_loads_share_the_rate_by_length_and_by_who_leaves() -> None:
    lengths = loads(staged("20 and 4,000"))
    assert [load.headers["x-mock-chunks"] for load in lengths] == ["1", "200"]
    leaving = loads(staged("cancel"))
    assert sum(load.rate for load in leaving) == pytest.approx(80.0)
    early = [load for load in leaving if load.timeout < 3.0 * WAITS]
    assert sum(load.rate for load in early) == pytest.approx(40.0)


def row(at: float, *attempts: tuple[str, str | None], outcome: str = "ok", ttft: float | None = 5.0) -> Any:
    tries = [{"key": key, "error": error, "duration_ms": 250.0} for key, error in attempts]
    return {
        "started_at": datetime.fromtimestamp(1000 + at, UTC).isoformat(),
        "key": attempts[-1][0],
        "outcome": outcome,
        "latency": {"ttft_ms": ttft},
        # The log has no list where the first attempt went well.
        "attempts": tries if len(tries) > 1 or tries[0]["error"] else [],
    }


def test_attempts_count_for_the_lane_and_the_time_they_were_sent() -> None:
    rows = [
        row(2.0, ("b", None), outcome="cancelled", ttft=None),
        row(1.0, ("a", "upstream_status"), ("b", None)),
        row(3.0, ("a", "upstream_status"), outcome="error", ttft=None),
        row(4.0, ("b", "client_cancelled"), outcome="cancelled", ttft=1.0),
    ]
    traffic = Traffic.of(rows, 1000.0)
    assert [(round(one.at, 3), one.lane, one.failed) for one in traffic.sent] == [
        (1.0, "a", True),
        (1.25, "b", False),
        (2.0, "b", False),
        (3.0, "a", True),
        (4.0, "b", False),
    ]
    assert (traffic.answered, traffic.failed, traffic.success) == (1, 1, 0.5)
    assert list(traffic.waits) == [0.001, 0.005]
    assert traffic.share("a", 1.0, 2.0) == 0.5
    assert traffic.share("a", 9.0, 10.0) is None
    assert traffic.course("b", 2.0, 6.0) == [1, 1, 1]
    assert traffic.after("b", 1.5, 1) == pytest.approx(2.0)
    assert traffic.after("b", 1.5, 3) is None


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert percentile([1.0], 0.99) == 1.0
    assert percentile([], 0.5) is None


def traffic_of(lanes: Iterable[tuple[float, str]]) -> Traffic:
    return Traffic([Sent(at, lane, failed=False) for at, lane in lanes], 1, 0, [])


def verdicts(play: Play, traffic: Traffic) -> list[bool]:
    return [bar["met"] for bar in judge(play, traffic)]


def fair(seconds: int, since: float = 0.0, of: int = 4) -> list[tuple[float, str]]:
    """A hundred a second, lane after lane."""
    return [(since + at / 100, f"lane-{at % of}") for at in range(seconds * 100)]


def test_a_lane_that_fails_may_get_twenty_and_two_in_a_hundred() -> None:
    play = staged("70 %", duration=30.0)
    begun = [(play.watched_at + at / 100, "lane-3") for at in range(20)]
    good = [(one, lane) for one, lane in fair(20, play.watched_at + 1, of=3)]
    assert verdicts(play, traffic_of([*begun, *good])) == [True]
    assert verdicts(play, traffic_of([*begun, *fair(20, play.watched_at + 1)])) == [False]


def test_a_recovered_lane_needs_four_fifths_of_its_share() -> None:
    play = staged("brown-out")
    assert verdicts(play, traffic_of(fair(100))) == [True]
    assert verdicts(play, traffic_of(fair(100, of=3))) == [False]


def test_a_new_lane_is_neither_flooded_nor_starved() -> None:
    play = staged("joins")
    assert verdicts(play, traffic_of(fair(60))) == [True, True]
    assert verdicts(play, traffic_of(fair(60, of=3))) == [True, False]
    burst = [(play.watched_at + at / 100, "lane-3") for at in range(100)]
    assert verdicts(play, traffic_of(sorted([*fair(60), *burst]))) == [False, True]


def test_nothing_is_promised_of_a_lane_that_nobody_watches() -> None:
    assert judge(staged("slower"), traffic_of([])) == []


LOAD = Load(rate=1.0, duration=1.0)


def test_loads_run_together_and_their_reports_keep_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = threading.Barrier(2, timeout=10)

    def run(load: Load, *_: Any) -> dict[str, Any]:
        meeting.wait()
        return {"rate": load.rate}

    monkeypatch.setattr(together, "run_load", run)
    with Together([LOAD, Load(rate=2.0, duration=1.0)], "http://127.0.0.1:1") as running:
        assert running.reports() == [{"rate": 1.0}, {"rate": 2.0}]
        assert running.is_done()


def test_leaving_ends_the_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def run(_load: Load, _url: str, _watch: Any, progress: Any) -> dict[str, Any]:
        while True:
            begun.set()
            progress({})

    monkeypatch.setattr(together, "run_load", run)
    with Together([LOAD], "http://127.0.0.1:1") as running:
        assert begun.wait(10)
        assert not running.is_done()
    assert running.is_done()


def test_a_load_that_cannot_run_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any) -> dict[str, Any]:
        raise OSError("nothing listens")

    monkeypatch.setattr(together, "run_load", run)
    with Together([LOAD], "http://127.0.0.1:1") as running, pytest.raises(OSError, match="nothing listens"):
        running.reports()
