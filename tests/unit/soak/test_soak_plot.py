from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from bench.soak.flatness import judge
from bench.soak.load import Rates
from bench.soak.plot import Line, Panel, draw, ticks
from bench.soak.report import document, drawing
from bench.soak.run import BOUNDS, JUDGED_FROM_S, Options, Soak, problems
from bench.soak.sampler import SERIES, Series

SVG = "{http://www.w3.org/2000/svg}"
MACHINE: dict[str, Any] = {"time": "2026-01-01T00:00:00+00:00", "cores": 2, "build": {"profile": "dist"}}


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 0.07, [0, 0.02, 0.04, 0.06]),
        (0, 1234, [0, 500, 1000]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


def test_a_drawing_has_axes_lines_and_words() -> None:
    line = Line("a <name>", [1.0, 2.0, 3.0], ((30.0, 2.0), (60.0, 3.0)))
    text = draw("Title", "below", [0.0, 30.0, 60.0], [Panel("Memory", "MiB", [line], ["note"])], judged=30.0)
    root = ET.fromstring(text)
    words = [element.text for element in root.iter(f"{SVG}text")]
    for word in ("Title", "below", "Memory, MiB", "a <name>", "note", "minutes", "0.5", "2"):
        assert word in words, word
    (points,) = [element.get("points") for element in root.iter(f"{SVG}polyline")]
    assert points is not None
    xs, ys = zip(*(map(float, point.split(",")) for point in points.split()), strict=True)
    assert list(xs) == sorted(xs)
    assert list(ys) == sorted(ys, reverse=True), "more is higher"
    assert len(list(root.iter(f"{SVG}line"))) == 1


def found(growth: float = 0.0, seconds: float = 1_200.0, unhappy: int = 0) -> Soak:
    times = [seconds * at / 100 for at in range(101)]
    values = {name: [1e9 + growth * at for at in range(101)] for name in SERIES}
    return Soak(
        Options(),
        Rates(1, 1),
        Rates(1, 1),
        Series(times, values),
        {name: judge(times, values[name], bound) for name, bound in BOUNDS.items()},
        {"json": unhappy},
        {},
        {"ferrogate_in_flight_requests": 0.0, "ferrogate_buffered_bytes": 0.0},
        1e9,
        {},
    )


def test_a_flat_run_has_no_problems() -> None:
    assert problems(found()) == []


def test_growth_and_lost_requests_are_problems() -> None:
    said = problems(found(growth=1e7, unhappy=2))
    assert any("rss grew" in text for text in said)
    assert any("2 of the json" in text for text in said)


def test_a_short_run_is_not_judged() -> None:
    assert problems(found(growth=1e7, seconds=JUDGED_FROM_S / 2)) == []


def test_requests_that_never_end_are_problems() -> None:
    stuck = found()
    stuck.rest["ferrogate_in_flight_requests"] = 3.0
    assert problems(stuck) == ["in_flight_requests is 3 after the load"]


def test_the_report_draws_every_series_that_is_judged() -> None:
    soak = found()
    root = ET.fromstring(drawing(soak, MACHINE))
    assert len(list(root.iter(f"{SVG}polyline"))) == len(SERIES)
    assert len(list(root.iter(f"{SVG}line"))) == len(BOUNDS)
    assert set(document(soak, MACHINE)["verdicts"]) == set(BOUNDS)
