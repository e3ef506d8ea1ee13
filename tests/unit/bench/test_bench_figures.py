from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ferrogate.cli.bench.figures import (
    Difference,
    Ratio,
    difference_of,
    median_of,
    offered_rate,
    ratio_of,
    select,
)
from ferrogate.cli.bench.load import JSON, STREAMS, Load, Sample, sample_of
from ferrogate.cli.bench.tables import comparison, markdown, notes


def sample(
    report: dict[str, Any], server: str = "native", number: int = 0, mode: str = "rate", **fields: Any
) -> Sample:
    made = sample_of(report, server, JSON, mode=mode, number=number, whole_cpu_us=60_000.0)
    return replace(made, **fields)


def test_cpu_is_divided_by_what_the_same_moments_saw(report: dict[str, Any]) -> None:
    made = sample(report)
    assert (made.engine_us, made.window_us, made.cpu_us) == (20.0, 50.0, 60.0)
    assert (made.units, made.bad, made.rss_peak_mb) == (1000, 0, 100.0)


def test_streams_are_counted_in_chunks(report: dict[str, Any]) -> None:
    report["window"]["events"] = 4000
    report["totals"]["events"] = 5000
    report["events_per_stream"] |= {"mean": 5.0, "count": 1000}
    made = sample_of(report, "native", STREAMS, mode="rate", number=0, whole_cpu_us=60_000.0)
    assert (made.engine_us, made.cpu_us, made.units) == (5.0, 12.0, 5000)
    assert made.throughput == 400.0


def test_streams_that_outlast_the_window_still_have_a_rate(report: dict[str, Any]) -> None:
    report["window"] |= {"events": 300, "completed": 0, "throughput": 0.0}
    made = sample_of(report, "python", STREAMS, mode="saturation", number=0, whole_cpu_us=None)
    assert made.throughput == 1.5


def test_what_was_not_read_is_not_made_up(report: dict[str, Any]) -> None:
    report["usage"] = {}
    made = sample_of(report, "x", JSON, mode="rate", number=0, whole_cpu_us=None)
    assert (made.cpu_us, made.window_us, made.engine_us, made.rss_peak_mb) == (None, None, None, None)
    assert not made.mock_busy


def test_requests_that_never_left_count_as_bad(report: dict[str, Any]) -> None:
    report["requests"] |= {"ok": 990, "unsent": 7}
    assert sample(report).bad == 17


def test_ratios_are_taken_within_rounds(report: dict[str, Any]) -> None:
    ours = [sample(report, number=n, cpu_us=cpu) for n, cpu in enumerate([20.0, 60.0, 33.0])]
    theirs = [sample(report, "nginx", number=n, cpu_us=cpu) for n, cpu in enumerate([10.0, 20.0, 10.0])]
    assert ratio_of(ours, theirs, lambda s: s.cpu_us) == Ratio(3.0, 2.0, 3.3, 3)
    assert ratio_of(ours, [], lambda s: s.cpu_us) is None
    assert ratio_of(ours[:1], [replace(theirs[0], cpu_us=None)], lambda s: s.cpu_us) is None


def test_medians_leave_out_what_is_unknown(report: dict[str, Any]) -> None:
    made = [sample(report, cpu_us=value) for value in (None, 1.0, 9.0, 2.0)]
    assert median_of(made, lambda s: s.cpu_us) == 2.0
    assert median_of(made[:1], lambda s: s.cpu_us) is None


def test_runs_are_selected_in_the_order_of_rounds(report: dict[str, Any]) -> None:
    made = [
        sample(report, number=2),
        sample(report, number=0),
        sample(report, "nginx"),
        sample(report, mode="x"),
    ]
    assert [s.round for s in select(made, "native", "json", "rate")] == [0, 2]


@pytest.mark.parametrize(("maxima", "rate"), [([9000.0, 1001.0], 601.0), ([12.0], 7.2), ([0.1], 1.0)])
def test_the_slowest_decides_the_rate(maxima: list[float], rate: float) -> None:
    assert offered_rate(maxima) == rate


def test_the_generator_gets_every_option(report: dict[str, Any]) -> None:
    options = Load(rate=5, duration=2, connections=1, threads=4).options("http://h", {"server": [7]})
    assert options["target"] == "http://h"
    assert (options["rate"], options["connections"], options["watch"]) == (5, 4, {"server": [7]})
    assert options["headers"] == {"authorization": "Bearer sk-bench"}


def test_a_table_names_the_ratio_to_nginx(report: dict[str, Any]) -> None:
    samples = [
        sample(report, name, number=n, mode=mode, engine_us=engine, window_us=10.0, cpu_us=cpu)
        for n in range(2)
        for mode in ("rate", "saturation")
        for name, engine, cpu in (("nginx", None, 10.0), ("native", 15.0, 25.0))
    ]
    header, rows = comparison(samples, JSON, ["nginx", "native"], ranges=True)
    assert len({len(row) for row in [header, *rows]}) == 1
    assert rows[0][:3] == ["nginx", "10.0", "10.0"]
    assert rows[1][:3] == ["native", "15.0 (1.50x (1.50-1.50))", "25.0 (2.50x (2.50-2.50))"]
    text = markdown(header, rows)
    assert text.count("\n") == 4
    assert text.splitlines()[1].count("|") == text.splitlines()[0].count("|")


def test_what_spoils_a_figure_is_said(report: dict[str, Any]) -> None:
    assert notes([sample(report)]) == []
    late = sample(report, generator_late=True)
    slow = sample(report, "python", connections_exhausted=True, bad=3)
    full = sample(report, "uvicorn", mode="saturation", mock_busy=True)
    said = notes([late, slow, full])
    assert any(note.startswith("native: the generator itself was late in 1 of 1") for note in said)
    assert any(note.startswith("python: 3 requests") for note in said)
    assert any(note.startswith("python: it fell behind") for note in said)
    assert any(note.startswith("uvicorn: the generator or the mock was the limit") for note in said)


def test_a_mock_without_time_left_is_noticed(report: dict[str, Any]) -> None:
    report["usage"]["mock"]["threads"]["fg-mock"]["cpu_us"] = 1_990_000
    assert sample(report).mock_busy


def test_differences_are_taken_within_rounds(report: dict[str, Any]) -> None:
    ours = [sample(report, number=n, p50_us=value) for n, value in enumerate([500, 900, 300])]
    theirs = [sample(report, "nginx", number=n, p50_us=value) for n, value in enumerate([400, 500, 350])]
    assert difference_of(ours, theirs, lambda s: s.p50_us) == Difference(100, -50, 400, 3)
    assert difference_of(ours, [], lambda s: s.p50_us) is None


def test_a_burst_reaches_the_generator(report: dict[str, Any]) -> None:
    load = Load(rate=1e6, duration=2, requests=9, open_first=True, messages=3, timeout=1.5, drain=0.25)
    options = load.options("http://h", {})
    assert (options["requests"], options["open_first"], options["messages"]) == (9, True, 3)
    assert (options["timeout_ms"], options["drain_ms"]) == (1500, 250)
