from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from bench.bars.chart import PLOT, Panel, chart, decades, figure, share

SVG = "{http://www.w3.org/2000/svg}"


def test_a_chart_is_a_document_with_a_bar_for_each_value() -> None:
    text = chart("A < B", [Panel("p50, ms", {"nginx": 10.0, "native": 100.0, "gone": None})], "a & b")
    root = ET.fromstring(text)
    assert root.get("aria-label") == "A < B"
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert words[:3] == ["A < B", "a & b", "p50, ms"]
    assert {"nginx", "native", "gone", "10", "100", "-"} <= set(words)
    background, *bars = root.iter(f"{SVG}rect")
    assert float(background.get("height", 0)) >= max(float(bar.get("y", 0)) for bar in bars)
    assert [float(bar.get("width", 0)) for bar in bars] == [0.0, PLOT, 0.0]


def test_nothing_leaves_the_picture() -> None:
    values = {str(power): 10.0**power for power in range(-3, 7)}
    root = ET.fromstring(chart("t", [Panel("a", values), Panel("b", {"x": None})]))
    assert all(
        0 <= float(bar.get("width", 0)) <= float(root.get("width", 0)) for bar in root.iter(f"{SVG}rect")
    )


@pytest.mark.parametrize(
    ("values", "powers"),
    [([20.0, 900.0], (1, 3)), ([10.0], (1, 2)), ([0.02], (-2, -1)), ([], (0, 1)), ([0.0, 5.0], (0, 1))],
)
def test_the_scale_has_whole_decades(values: list[float], powers: tuple[int, int]) -> None:
    assert decades(values) == powers


def test_lengths_are_logarithms() -> None:
    assert [share(value, 0, 2) for value in (1.0, 10.0, 100.0, 1e6, None, 0.0)] == [
        0.0,
        0.5,
        1.0,
        1.0,
        0.0,
        0.0,
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.0, "0"), (0.1234, "0.123"), (12.34, "12.3"), (12345.6, "12,346")]
)
def test_figures_are_short(value: float | None, text: str) -> None:
    assert figure(value) == text
