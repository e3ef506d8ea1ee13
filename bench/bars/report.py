"""Verdicts, and how they are written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ferrogate.cli.bench.figures import Ratio
from ferrogate.cli.bench.load import Sample
from ferrogate.cli.bench.results import document, write
from ferrogate.cli.bench.tables import markdown


@dataclass(frozen=True)
class Bar:
    """One figure against its bound; without a bound for information, without a value not measured."""

    name: str
    value: float | None
    unit: str
    bound: float | None = None
    detail: str = ""

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        if self.bound is None:
            return ""
        return "met" if self.value <= self.bound else "MISSED"


def ratio_bar(name: str, ratio: Ratio | None, bound: float | None) -> Bar:
    detail = f"range {ratio.low:.2f} to {ratio.high:.2f} in {ratio.pairs} pairs" if ratio else ""
    return Bar(name, ratio.median if ratio else None, "x", bound, detail)


@dataclass
class Findings:
    """What one part of the bars found."""

    bars: list[Bar] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    tables: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    offered: dict[str, float] = field(default_factory=dict)
    failed: bool = False

    def add(self, other: Findings) -> None:
        self.bars += other.bars
        self.samples += other.samples
        self.tables += other.tables
        self.notes += other.notes
        self.offered |= other.offered
        self.failed = self.failed or other.failed


def bars_table(bars: Sequence[Bar]) -> str:
    rows = []
    for bar in bars:
        value = "-" if bar.value is None else f"{bar.value:.2f} {bar.unit}"
        bound = "" if bar.bound is None else f"{bar.bound:g} {bar.unit}"
        rows.append([bar.name, value, bound, bar.verdict, bar.detail])
    return markdown(["bar", "figure", "at most", "verdict", "spread"], rows)


def page(title: str, machine: Mapping[str, Any], findings: Findings, method: str, warning: str | None) -> str:
    build = machine["build"]
    lines = [f"# {title}", ""]
    if warning:
        lines += [f"**Not a release build: {warning}**", ""]
    facts = (
        f"{machine['time']}, {machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
        f"{machine['system']}, {machine['python']}, {machine['nginx'] or 'no nginx'}, "
        f"ferrogate {build.get('version')} ({build.get('profile')} build, {build.get('git')}), "
        f"load average before {machine['load_before'][0]}."
    )
    lines += [facts, "", method, "", bars_table(findings.bars)]
    for heading, table in findings.tables:
        lines += [f"## {heading}", "", table]
    if findings.notes:
        lines += ["## Notes", "", *(f"- {note}" for note in findings.notes), ""]
    return "\n".join(lines)


def save(
    folder: Path, name: str, machine: Mapping[str, Any], findings: Findings, text: str, **more: Any
) -> Path:
    """Write ``DATE-NAME.json`` and ``DATE-NAME.md``; returns the latter."""
    stem = f"{datetime.now(UTC):%Y-%m-%d}-{name}"
    content = document(
        "bars",
        machine,
        findings.samples,
        bars=[{**asdict(bar), "verdict": bar.verdict} for bar in findings.bars],
        offered=findings.offered,
        notes=findings.notes,
        **more,
    )
    write(folder / f"{stem}.json", content)
    target = folder / f"{stem}.md"
    target.write_text(text, encoding="utf-8")
    return target
