"""The report of the simulation as tables, one a measure, and what was promised below them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

__all__ = ["kept", "plain_or_rich", "show_bars", "show_report", "show_scenarios", "table"]

_PAGE = 160
_WIDE = 150
"""Columns from which the intervals have room."""
Report = Mapping[str, Any]
Estimate = Mapping[str, float]


def kept(bars: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every promise is; what is only aimed at may be missed."""
    return all(bar["met"] or bar["aim"] for bar in bars)


def plain_or_rich() -> Console:
    """Standard output: as wide as the terminal, or as a page."""
    console = Console()
    return console if console.is_terminal else Console(width=_PAGE)


def show_report(console: Console, report: Report) -> None:
    """Print a table for each measure: a row a scenario, a column a policy, mean ± half of its interval.

    On a narrow terminal the intervals are left out.
    """
    seeds = report["seeds"]
    within = console.width >= _WIDE
    means = "mean ± half of the 95 % interval" if within else "means; a wider terminal has their intervals"
    console.print(f"{len(seeds)} seeds ({seeds[0]}..{seeds[-1]}); {means}")

    def show(title: str, values: Mapping[str, Sequence[Estimate]], far: Mapping[str, str]) -> None:
        more = ["own by\noracle's"] if far else []
        rows = table(console, title, ["", *_policies(report), *more])
        for name, estimates in values.items():
            cells = [_estimate(one, within=within) for one in estimates]
            rows.add_row(name, *cells, *([far[name]] if far else []))
        console.print(rows)

    outcomes = report["outcomes"]
    for title, measure in (
        ("answered, %", "success"),
        ("first token, median, s", "p50_ttft"),
        ("first token, p99, s", "p99_ttft"),
    ):
        factor = 100.0 if measure == "success" else 1.0
        values = {one["scenario"]: [_scaled(row[measure], factor) for row in one["rows"]] for one in outcomes}
        far = {one["scenario"]: f"{one['to_oracle']:.2f}x" for one in outcomes}
        show(title, values, far if measure == "p99_ttft" else {})
    for one in outcomes:
        watched = {
            first["what"]: [row["watched"][at]["value"] for row in one["rows"]]
            for at, first in enumerate(one["rows"][0]["watched"])
        }
        if watched:
            show(f"{one['scenario']}: the watched lane", watched, {})


def show_bars(console: Console, bars: Sequence[Mapping[str, Any]]) -> None:
    """Print what was promised, what came of it, and whether it was kept."""
    rows = table(console, "promises", ["", "value", "bar", ""])
    for bar in bars:
        verdict = "met" if bar["met"] else "missed" if bar["aim"] else "[bold red]MISSED[/]"
        rows.add_row(bar["what"], f"{bar['value']:.3f}", f"{bar['bar']:.2f}", verdict)
    console.print(rows)
    missed = sum(not bar["met"] and not bar["aim"] for bar in bars)
    aims = sum(not bar["met"] and bar["aim"] for bar in bars)
    console.print(
        f"{len(bars)} promises, {missed} missed" + (f"; of the aims, {aims} missed" if aims else "")
    )


def show_scenarios(console: Console, scenarios: Sequence[Mapping[str, Any]]) -> None:
    """Print what can be run."""
    rows = table(console, "scenarios", ["name", "lanes", "requests/s", "seconds", "watched"])
    for one in scenarios:
        watched = str((one["watch"] or {}).get("kind", "")).replace("_", " ")
        rows.add_row(one["name"], str(len(one["lanes"])), f"{one['rate']:g}", f"{one['lasts']:g}", watched)
    console.print(rows)


def _policies(report: Report) -> list[str]:
    """Their names, a word a line: the figures are what needs the width."""
    return [row["policy"].replace(" ", "\n") for row in report["outcomes"][0]["rows"]]


def table(console: Console, title: str, header: Sequence[str]) -> Table:
    """Begin a table: lines on a terminal, columns alone elsewhere; the first to the left."""
    made = Table(title=title, title_justify="left", box=box.HEAVY_HEAD if console.is_terminal else None)
    for number, name in enumerate(header):
        made.add_column(name, justify="right" if number else "left")
    return made


def _scaled(value: Estimate, factor: float) -> Estimate:
    return {name: number * factor for name, number in value.items()}


def _estimate(value: Estimate, *, within: bool) -> str:
    digits = 2 if value["mean"] >= 10 else 3
    mean = f"{value['mean']:.{digits}f}"
    return f"{mean} ±{value['within']:.{digits}f}" if within else mean
