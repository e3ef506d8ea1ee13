"""Results as tables: rich for a terminal, Markdown for a page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table

from ferrogate.cli.bench.figures import Value, median_of, ratio_of, select
from ferrogate.cli.bench.load import Sample, Scenario

__all__ = ["comparison", "markdown", "notes", "report_table", "show_comparison"]

BASE = "nginx"
"""What the others are compared with."""


def comparison(
    samples: Sequence[Sample], scenario: Scenario, servers: Sequence[str], *, ranges: bool = False
) -> tuple[list[str], list[list[str]]]:
    """Header and rows of one scenario; the figures are medians over rounds, in brackets the ratio to nginx.

    ``saturated`` is the process again, at saturation: where one slow server sets a low rate for all, every
    wake-up serves few requests and each costs more. A ratio is the median of those of all rounds; ``ranges``
    adds the smallest and the largest.
    """
    unit = scenario.unit
    header = ["server", f"engine µs/{unit}", f"process µs/{unit}", "saturated µs", "p50/p99/p99.9 ms"]
    header += ["first byte ms"] if scenario.stream else []
    header += [f"most {'streams' if scenario.stream else 'requests'}/s", "peak MB"]
    base = select(samples, BASE, scenario.name, "rate")
    base_full = select(samples, BASE, scenario.name, "saturation")
    rows = []
    for name in servers:
        paced, full = (
            select(samples, name, scenario.name, "rate"),
            select(samples, name, scenario.name, "saturation"),
        )

        def cell(
            ours: list[Sample],
            theirs: list[Sample],
            value: Value,
            other: Value | None = None,
            own: str = name,
        ) -> str:
            text = _number(median_of(ours, value))
            ratio = None if own == BASE else ratio_of(ours, theirs, value, other)
            return text if ratio is None else f"{text} ({ratio if ranges else f'{ratio.median:.2f}x'})"

        latency = [
            _number(median_of(paced, partial(_quantile, name=key))) for key in ("p50_us", "p99_us", "p999_us")
        ]
        row = [
            name,
            cell(paced, base, engine_cpu, _window),
            cell(paced, base, _whole),
            cell(full, base_full, _whole),
        ]
        row.append(" / ".join(latency))
        if scenario.stream:
            row.append(_number(median_of(paced, partial(_quantile, name="first_byte_p50_us"))))
        row.append(cell(full, base_full, lambda s: s.throughput))
        row.append(_number(median_of([*paced, *full], lambda s: s.rss_peak_mb)))
        rows.append(row)
    return header, rows


def show_comparison(
    console: Console, samples: Sequence[Sample], scenario: Scenario, servers: Sequence[str], rate: float
) -> None:
    """Print one scenario, and below it what makes its figures doubtful."""
    header, rows = comparison(samples, scenario, servers)
    offered = f"{rate:g} {'streams' if scenario.stream else 'requests'}/s offered"
    table = Table(title=f"{scenario.title}: {offered}", title_justify="left")
    for number, name in enumerate(header):
        table.add_column(name, justify="left" if number == 0 else "right", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for note in notes([s for s in samples if s.scenario == scenario.name]):
        console.print(f"[yellow]note:[/] {note}")


def notes(samples: Sequence[Sample]) -> list[str]:
    """Say what a reader has to know before believing the figures, one sentence each."""
    found = []
    for name in dict.fromkeys(sample.server for sample in samples):
        own = [sample for sample in samples if sample.server == name]
        bad = sum(sample.bad for sample in own)
        if bad:
            found.append(f"{name}: {bad} requests were not answered as they should; see the JSON file")
        paced = [sample for sample in own if sample.mode == "rate"]
        full = [sample for sample in own if sample.mode == "saturation"]
        late = sum(sample.generator_late for sample in paced)
        if late:
            found.append(
                f"{name}: the generator itself was late in {late} of {len(paced)} runs at the offered rate"
            )
        limited = sum(sample.generator_late or (sample.mock_busy and name != "direct") for sample in full)
        if limited:
            runs = f"{limited} of {len(full)} runs at saturation"
            found.append(f"{name}: the generator or the mock was the limit in {runs}")
        starved = sum(sample.connections_exhausted for sample in paced)
        if starved:
            runs = f"{starved} of {len(paced)} runs"
            found.append(f"{name}: it fell behind the offered rate and ran out of connections in {runs}")
    return found


def report_table(report: dict[str, Any], cpu_us: float | None, unit: str) -> Table:
    """One run on one target."""
    window, requests = report["window"], report["requests"]
    table = Table(title=report["url"], title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    offered = (
        f"{report['rate']:g}/s"
        if report["mode"] == "open"
        else f"saturation, {report['connections']} connections"
    )
    table.add_row("offered", offered)
    table.add_row("answered", f"{window['throughput']:.1f}/s for {window['seconds']:.1f} s")
    table.add_row("requests", f"{requests['ok']} ok of {requests['sent']} sent")
    for name in ("failed", "unfinished", "unsent", "resent"):
        if requests[name]:
            table.add_row(name, str(requests[name]))
    for status, count in report["statuses"].items():
        table.add_row(f"status {status}", str(count))
    for kind, count in report["errors"].items():
        table.add_row(f"error {kind}", f"{count} ({report['error_samples'].get(kind, '')})")
    if report["stream"]:
        table.add_row("events", f"{window['events']} ({report['events_per_stream']['mean']:.1f} a stream)")
        table.add_row("incomplete streams", str(report["incomplete_streams"]))
    rows = [("latency", "latency_us"), ("first byte", "first_byte_us")]
    for title, key in [*rows, ("between reads", "gap_us")] if report["stream"] else rows:
        shape = report[key]
        parts = [f"{name} {shape[field] / 1000:.2f}" for name, field in _QUANTILES]
        table.add_row(f"{title}, ms", "  ".join(parts))
    if cpu_us is not None:
        table.add_row(f"CPU a {unit}", f"{cpu_us:.1f} µs")
    usage = report["usage"].get("server")
    if usage:
        for thread, used in usage["threads"].items():
            table.add_row(f"CPU of {thread} ({used['threads']})", f"{used['cpu_us'] / 1e6:.2f} s")
        table.add_row("peak memory", f"{usage['rss_peak_kb'] / 1024:.0f} MB")
    if report["generator_late"]:
        table.add_row("[red]generator late[/]", f"p99 {report['lateness_us']['p99'] / 1000:.1f} ms")
    if report["connections_exhausted"]:
        table.add_row("[red]waited for a connection[/]", str(report["waited_for_connection"]))
    return table


_QUANTILES = (("p50", "p50"), ("p90", "p90"), ("p99", "p99"), ("p99.9", "p999"), ("max", "max"))


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Render a Markdown table, its first column to the left and the others to the right."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def engine_cpu(sample: Sample) -> float | None:
    """Take the engine's threads where there are any; nginx and the mock are nothing but engine."""
    return sample.engine_us if sample.server not in (BASE, "direct") else sample.window_us


def _whole(sample: Sample) -> float | None:
    return sample.cpu_us


def _window(sample: Sample) -> float | None:
    return sample.window_us


def _quantile(sample: Sample, name: str) -> float:
    return float(getattr(sample, name)) / 1000


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
