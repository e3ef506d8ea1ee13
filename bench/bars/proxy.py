"""The native door beside nginx: JSON requests and streams, one engine thread against one worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ferrogate.cli.bench.compare import Plan, Tell, compare
from ferrogate.cli.bench.figures import median_of, ratio_of, select
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.load import JSON, STREAMS, Sample, Scenario
from ferrogate.cli.bench.tables import comparison, engine_cpu, markdown, notes

from .report import Bar, Findings, ratio_bar

SERVERS = ("nginx", "native")
FIRST_EVENT = Scenario(
    "first-event",
    "streams of 5 chunks, one every 50 ms",
    stream=True,
    unit="chunk",
    script={"chunks": 5, "chunk_bytes": 250, "chunk_ms": 50},
)
"""An event that is held back until the next one has come shows as 50 ms here."""


def json_requests(lab: Lab, plan: Plan, tell: Tell) -> Findings:
    """CPU a request on the engine's threads, and of the whole process until its log is written."""
    findings = _compare(lab, replace(plan, servers=SERVERS, scenarios=[JSON]), tell)
    for mode, title in (("rate", "at 60 % of the maximum"), ("saturation", "at saturation")):
        ours, theirs = _pair(findings.samples, JSON, mode)
        engine = ratio_of(ours, theirs, engine_cpu, _window)
        findings.bars.append(
            ratio_bar(f"native JSON, engine threads, CPU a request vs nginx, {title}", engine, 2.0)
        )
        whole = ratio_of(ours, theirs, _whole)
        findings.bars.append(
            ratio_bar(f"native JSON, whole process, CPU a request vs nginx, {title}", whole, 3.0)
        )
    return findings


def streams(lab: Lab, plan: Plan, tell: Tell) -> Findings:
    """CPU a chunk on the engine's threads, and how late the first event is."""
    findings = _compare(lab, replace(plan, servers=SERVERS, scenarios=[STREAMS]), tell)
    for mode, title in (("rate", "at 60 % of the maximum"), ("saturation", "at saturation")):
        ours, theirs = _pair(findings.samples, STREAMS, mode)
        engine = ratio_of(ours, theirs, engine_cpu, _window)
        findings.bars.append(
            ratio_bar(f"native streams, engine threads, CPU a chunk vs nginx, {title}", engine, 2.0)
        )
        whole = ratio_of(ours, theirs, _whole)
        findings.bars.append(
            ratio_bar(f"native streams, whole process, CPU a chunk vs nginx, {title}", whole, None)
        )
    first = replace(plan, servers=SERVERS, scenarios=[FIRST_EVENT], rounds=1, rate=20.0, saturate=False)
    samples, _ = compare(first, lab, tell)
    ours, theirs = _pair(samples, FIRST_EVENT, "rate")
    medians = [median_of(side, lambda sample: sample.first_byte_p50_us / 1000) for side in (ours, theirs)]
    added = medians[0] - medians[1] if medians[0] is not None and medians[1] is not None else None
    findings.bars.append(Bar("native streams, first event later than nginx's by", added, "ms", 5.0))
    findings.samples += samples
    return findings


def _compare(lab: Lab, plan: Plan, tell: Tell) -> Findings:
    samples, offered = compare(plan, lab, tell)
    findings = Findings(samples=samples, offered=offered, notes=notes(samples))
    for scenario in plan.scenarios:
        table = markdown(*comparison(samples, scenario, plan.servers, ranges=True))
        findings.tables.append((f"{scenario.title}, {offered[scenario.name]:g}/s offered", table))
    return findings


def _pair(samples: Sequence[Sample], scenario: Scenario, mode: str) -> tuple[list[Sample], list[Sample]]:
    return select(samples, "native", scenario.name, mode), select(samples, "nginx", scenario.name, mode)


def _whole(sample: Sample) -> float | None:
    return sample.cpu_us


def _window(sample: Sample) -> float | None:
    return sample.window_us
