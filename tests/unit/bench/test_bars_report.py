from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bench.bars.report import (
    Bar,
    Findings,
    bars_table,
    difference_bar,
    in_short,
    page,
    ratio_bar,
    save,
    verdicts,
)

from ferrogate.cli.bench.figures import Difference, Ratio

MACHINE: dict[str, Any] = {
    "time": "2026-01-02T03:04:05+00:00",
    "cpu": "A CPU",
    "cores": 2,
    "memory_gb": 4.0,
    "system": "Linux 6",
    "python": "CPython 3.11",
    "nginx": None,
    "build": {"version": "0.1.0", "profile": "dist", "git": "abc"},
    "load_before": [0.5],
}


@pytest.mark.parametrize(
    ("value", "bound", "least", "verdict"),
    [
        (1.6, 1.6, False, "met"),
        (1.61, 1.6, False, "MISSED"),
        (200.0, 200.0, True, "met"),
        (199.0, 200.0, True, "MISSED"),
        (None, 1.0, False, "not measured"),
        (5.0, None, False, ""),
        (0.0, 0.0, False, "met"),
        (1.0, 0.0, False, "MISSED"),
    ],
)
def test_a_bar_is_met_or_missed(value: float | None, bound: float | None, least: bool, verdict: str) -> None:
    assert Bar("b", value, "x", bound, least=least).verdict == verdict


def test_bounds_say_which_way_they_bind() -> None:
    table = bars_table([Bar("most", 1.0, "x", 2.0), Bar("least", 300.0, "x", 200.0, least=True)])
    assert "≤ 2 x" in table
    assert "≥ 200 x" in table


def test_medians_keep_their_range() -> None:
    assert ratio_bar("r", Ratio(1.5, 1.0, 2.0, 7), 1.6).detail == "range 1.00 to 2.00 in 7 pairs"
    assert ratio_bar("r", None, 1.6).verdict == "not measured"
    added = difference_bar("d", Difference(-0.1, -0.5, 0.25, 3), "ms", 0.2)
    assert (added.value, added.verdict) == (-0.1, "met")
    assert added.detail == "range -0.50 to 0.25 in 3 pairs"
    assert difference_bar("d", None, "ms", 0.2).verdict == "not measured"


def test_what_one_step_found_is_added_to_the_others() -> None:
    one = Findings(bars=[Bar("a", 1.0, "x")], charts={"a": "<svg/>"}, runs={"p.a": {"took_s": 1.0}})
    one.add(Findings(bars=[Bar("b", 2.0, "x")], notes=["n"], facts={"k": 1}, failed=True))
    assert [bar.name for bar in one.bars] == ["a", "b"]
    assert (one.notes, one.facts, one.failed, list(one.charts)) == (["n"], {"k": 1}, True, ["a"])


def test_page_and_document_hold_everything(tmp_path: Path) -> None:
    findings = Findings(
        bars=[Bar("fast", 1.0, "x", 2.0)],
        tables=[("A table", "| a |\n|---|\n")],
        notes=["the generator was late"],
        charts={"json": "<svg/>"},
        runs={"part.step": {"pace": "1 rounds", "took_s": 2.5}},
    )
    text = page("day-name", MACHINE, findings, "The method.", ["a quick run"])
    for part in (
        "**Not to be quoted: a quick run**",
        "The method.",
        "part.step: 1 rounds, 2.5 s",
        "| fast | 1.00 x | ≤ 2 x | met |",
        "## A table",
        "![json](day-name-json.svg)",
        "- the generator was late",
        "no nginx",
    ):
        assert part in text
    target = save(tmp_path, "day-name", MACHINE, findings, text, publishable=False)
    assert target.read_text() == text
    assert (tmp_path / "day-name-json.svg").read_text() == "<svg/>"
    document = json.loads((tmp_path / "day-name.json").read_text())
    assert document["bars"][0]["verdict"] == "met"
    assert (document["publishable"], document["runs"]["part.step"]["took_s"]) == (False, 2.5)


def test_a_terminal_gets_a_line_for_each_bar() -> None:
    lines = verdicts([Bar("fast", 1.0, "x", 2.0), Bar("lost", None, "rows", 0.0)]).splitlines()
    assert lines[0].split() == ["met", "1.00", "x", "≤", "2", "x", "fast"]
    assert lines[1].split() == ["not", "measured", "-", "≤", "0", "rows", "lost"]


def test_a_long_error_is_its_first_and_last_line() -> None:
    assert in_short(OSError("it did not come up:\n  trace\n\n  port is taken\n")) == (
        "it did not come up: ... port is taken"
    )
    assert in_short(OSError("once")) == "once"
    assert in_short(OSError()) == "OSError"
