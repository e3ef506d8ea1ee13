"""Verdicts, and how they are written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ferrogate.cli.bench.figures import Difference, Ratio
from ferrogate.cli.bench.load import Sample
from ferrogate.cli.bench.results import document, write
from ferrogate.cli.bench.tables import markdown


@dataclass(frozen=True)
class Bar:
    """One figure against its bound; without a bound for information, without a value not measured.

    The bound is the most that is allowed, with ``least`` the least.
    """

    name: str
    value: float | None
    unit: str
    bound: float | None = None
    detail: str = ""
    least: bool = False

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        if self.bound is None:
            return ""
        met = self.value >= self.bound if self.least else self.value <= self.bound
        return "met" if met else "MISSED"

    @property
    def holds(self) -> bool:
        """Nothing was promised, or what was is kept; a promise that was not measured is not."""
        return self.bound is None or self.verdict == "met"

    @property
    def limit(self) -> str:
        """The bound in words."""
        return "" if self.bound is None else f"{'≥' if self.least else '≤'} {self.bound:g} {self.unit}"


def ratio_bar(name: str, ratio: Ratio | None, bound: float | None) -> Bar:
    detail = f"range {ratio.low:.2f} to {ratio.high:.2f} in {ratio.pairs} pairs" if ratio else ""
    return Bar(name, ratio.median if ratio else None, "x", bound, detail)


def difference_bar(name: str, difference: Difference | None, unit: str, bound: float | None) -> Bar:
    if difference is None:
        return Bar(name, None, unit, bound)
    detail = f"range {difference.low:.2f} to {difference.high:.2f} in {difference.pairs} pairs"
    return Bar(name, difference.median, unit, bound, detail)


@dataclass
class Findings:
    """What one part of the bars found. ``charts`` are SVG documents by the name that their file gets."""

    bars: list[Bar] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    tables: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    offered: dict[str, float] = field(default_factory=dict)
    charts: dict[str, str] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    failed: bool = False

    def add(self, other: Findings) -> None:
        self.bars += other.bars
        self.samples += other.samples
        self.tables += other.tables
        self.notes += other.notes
        self.offered |= other.offered
        self.charts |= other.charts
        self.runs |= other.runs
        self.facts |= other.facts
        self.failed = self.failed or other.failed


def bars_table(bars: Sequence[Bar]) -> str:
    rows = []
    for bar in bars:
        value = "-" if bar.value is None else f"{bar.value:,.2f} {bar.unit}"
        rows.append([bar.name, value, bar.limit, bar.verdict, bar.detail])
    return markdown(["bar", "figure", "bound", "verdict", "spread"], rows)


def verdicts(bars: Sequence[Bar]) -> str:
    """A line for each bar, for a terminal of any width."""
    lines = []
    for bar in bars:
        value = "-" if bar.value is None else f"{bar.value:,.2f} {bar.unit}"
        lines.append(f"{bar.verdict:12} {value:>12} {bar.limit:10} {bar.name}")
    return "\n".join(lines)


def page(
    stem: str, machine: Mapping[str, Any], findings: Findings, method: str, doubts: Sequence[str]
) -> str:
    """The page as Markdown; ``stem`` is what the names of its charts begin with."""
    build = machine["build"]
    lines = ["# Bars", ""]
    for doubt in doubts:
        lines += [f"**Not to be quoted: {doubt}**", ""]
    facts = (
        f"{machine['time']}, {machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
        f"{machine['system']}, {machine['python']}, {machine['nginx'] or 'no nginx'}, "
        f"ferrogate {build.get('version')} ({build.get('profile')} build, {build.get('git')}), "
        f"load average before {machine['load_before'][0]}."
    )
    lines += [facts, "", method, ""]
    if findings.runs:
        taken = [f"{name}: {run['pace']}, {run['took_s']:g} s" for name, run in findings.runs.items()]
        lines += [f"What ran, and how long it took: {'; '.join(taken)}.", ""]
    if findings.bars:
        lines += [bars_table(findings.bars)]
    for heading, table in findings.tables:
        lines += [f"## {heading}", "", table]
    for name in findings.charts:
        lines += [f"![{name}]({stem}-{name}.svg)", ""]
    if findings.notes:
        lines += ["## Notes", "", *(f"- {note}" for note in findings.notes), ""]
    return "\n".join(lines)


def in_short(error: Exception) -> str:
    """The first and the last line: what failed, and the last words of a server that did not come up."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ... ".join(dict.fromkeys([lines[0], lines[-1]])) if lines else type(error).__name__


def file_stem(name: str) -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}-{name}"


def save(
    folder: Path, stem: str, machine: Mapping[str, Any], findings: Findings, text: str, **more: Any
) -> Path:
    """Write ``STEM.json``, ``STEM.md`` and the charts; returns the page's path."""
    content = document(
        "bars",
        machine,
        findings.samples,
        bars=[{**asdict(bar), "verdict": bar.verdict} for bar in findings.bars],
        offered=findings.offered,
        runs=findings.runs,
        facts=findings.facts,
        notes=findings.notes,
        **more,
    )
    write(folder / f"{stem}.json", content)
    for chart, svg in findings.charts.items():
        (folder / f"{stem}-{chart}.svg").write_text(svg, encoding="utf-8")
    target = folder / f"{stem}.md"
    target.write_text(text, encoding="utf-8")
    return target
