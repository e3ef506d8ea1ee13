"""The report of the simulation as tables, one a measure, and what was promised below them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

__all__ = ["kept", "plain_or_rich", "show_bars", "show_report", "show_scenarios", "table"]

_PAGE = 160
Report = Mapping[str, Any]
Row = Mapping[str, Any]


def kept(bars: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every promise is; what is only aimed at may be missed."""
    return all(bar["met"] or bar["aim"] for bar in bars)


def plain_or_rich() -> Console:
    """Standard output: as wide as the terminal, or as a page."""
    console = Console()
    return console if console.is_terminal else Console(width=_PAGE)


def show_report(console: Console, report: Report) -> None:
    """Print a table for each measure: a row a scenario, a column a policy, mean ± half of its interval."""
    seeds = report["seeds"]
    console.print(f"{len(seeds)} seeds ({seeds[0]}..{seeds[-1]}); mean ± half of the 95 % interval")
    _measure(console, report, "answered, %", lambda row: _estimate(row["success"], 100.0))
    _measure(console, report, "first token, median, s", lambda row: _estimate(row["p50_ttft"]))
    _measure(console, report, "first token, p99, s", lambda row: _estimate(row["p99_ttft"]), oracle=True)
    watched = [outcome for outcome in report["outcomes"] if outcome["rows"][0]["watched"]]
    if watched:
        rows = table(console, "one lane's share", ["", *_policies(report)])
        for outcome in watched:
            for at, first in enumerate(outcome["rows"][0]["watched"]):
                cells = [_estimate(row["watched"][at]["value"]) for row in outcome["rows"]]
                rows.add_row(f"{outcome['scenario']}: {first['what']}", *cells)
        console.print(rows)


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


def _measure(
    console: Console, report: Report, title: str, cell: Callable[[Row], str], *, oracle: bool = False
) -> None:
    more = ["own by\noracle's"] if oracle else []
    rows = table(console, title, ["", *_policies(report), *more])
    for outcome in report["outcomes"]:
        far = [f"{outcome['to_oracle']:.2f}x"] if oracle else []
        rows.add_row(outcome["scenario"], *map(cell, outcome["rows"]), *far)
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


def _estimate(value: Mapping[str, float], factor: float = 1.0) -> str:
    mean, within = value["mean"] * factor, value["within"] * factor
    return f"{mean:.2f} ±{within:.2f}" if mean >= 10 else f"{mean:.3f} ±{within:.3f}"
