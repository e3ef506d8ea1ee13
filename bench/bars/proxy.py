"""The native door beside nginx: JSON requests of four sizes, and streams. One engine thread, one worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ferrogate.cli.bench.compare import Plan, Tell, compare
from ferrogate.cli.bench.figures import median_of, ratio_of, select
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.load import JSON, STREAMS, Sample, Scenario
from ferrogate.cli.bench.tables import comparison, engine_cpu, markdown, notes

from .registry import Pace, Part, Run, Settings, Step, turns
from .report import Bar, Findings, ratio_bar

SERVERS = ("nginx", "native")
SHORT_ANSWER = {"body_kb": 0.5}
"""The mock would repeat the last message, which is the whole body where there is but one."""

LARGE = Scenario(
    "json-64k", "JSON, 64 kB bodies", stream=False, unit="request", body_bytes=64_000, script=SHORT_ANSWER
)
STRING = replace(
    LARGE,
    name="json-1m-string",
    title="JSON, 1 MB bodies, one long string",
    body_bytes=1_000_000,
    messages=1,
    connections=8,
)
MESSAGES = replace(
    STRING, name="json-1m-messages", title="JSON, 1 MB bodies, 20,000 short messages", messages=20_000
)
BATCHES = replace(
    STREAMS,
    name="batches",
    title="streams of 100 chunks of 250 bytes, ten in a write",
    script={**STREAMS.script, "batch": 10},
)
FIRST_EVENT = Scenario(
    "first-event",
    "streams of 5 chunks, one every 50 ms",
    stream=True,
    unit="chunk",
    script={"chunks": 5, "chunk_bytes": 250, "chunk_ms": 50},
)
"""An event that is held back until the next one has come shows as 50 ms here."""
MODES = (("rate", "at 60 % of the maximum"), ("saturation", "at saturation"))


def against_nginx(scenario: Scenario, engine: float, whole: float | None = None) -> Run:
    """CPU a unit of the engine's threads, and of the whole process until its log is written."""

    def run(lab: Lab, settings: Settings, tell: Tell) -> Findings:
        pace = settings.pace
        plan = Plan(SERVERS, [scenario], pace.rounds, pace.seconds, pace.warmup)
        samples, offered = compare(plan, lab, tell)
        table = markdown(*comparison(samples, scenario, SERVERS, ranges=True))
        title = f"{scenario.title}, {offered[scenario.name]:g}/s offered"
        findings = Findings(samples=samples, offered=offered, notes=notes(samples), tables=[(title, table)])
        for mode, when in MODES:
            ours, theirs = _pair(samples, scenario, mode)
            name = f"native, {scenario.title}, CPU a {scenario.unit} vs nginx, {when}"
            threads = ratio_of(ours, theirs, engine_cpu, lambda sample: sample.window_us)
            findings.bars.append(ratio_bar(f"{name}, engine threads", threads, engine))
            process = ratio_of(ours, theirs, lambda sample: sample.cpu_us)
            findings.bars.append(ratio_bar(f"{name}, whole process", process, whole))
        return findings

    return run


def first_event(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """How much later than nginx's the first event of a stream is."""
    pace = settings.pace
    plan = Plan(SERVERS, [FIRST_EVENT], pace.rounds, pace.seconds, pace.warmup, rate=20.0, saturate=False)
    samples, _ = compare(plan, lab, tell)
    ours, theirs = _pair(samples, FIRST_EVENT, "rate")
    medians = [median_of(side, lambda sample: sample.first_byte_p50_us / 1000) for side in (ours, theirs)]
    added = medians[0] - medians[1] if medians[0] is not None and medians[1] is not None else None
    bar = Bar("native streams, first event later than nginx's by", added, "ms", 5.0)
    return Findings(bars=[bar], samples=samples, notes=notes(samples))


def _pair(samples: Sequence[Sample], scenario: Scenario, mode: str) -> tuple[list[Sample], list[Sample]]:
    return select(samples, "native", scenario.name, mode), select(samples, "nginx", scenario.name, mode)


_FULL = Pace(rounds=7, seconds=10.0, warmup=5.0)
_TAKES = turns(2, modes=2)

PART = Part(
    "proxy",
    "the native door beside nginx, CPU a request and a chunk",
    {
        "json": Step(against_nginx(JSON, 1.6, 2.8), _FULL, _TAKES),
        "large": Step(against_nginx(LARGE, 2.0), _FULL, _TAKES),
        "string": Step(against_nginx(STRING, 2.0), _FULL, _TAKES),
        "messages": Step(against_nginx(MESSAGES, 2.0), _FULL, _TAKES),
        "streams": Step(against_nginx(STREAMS, 1.2), _FULL, _TAKES),
        "batches": Step(against_nginx(BATCHES, 2.0), _FULL, _TAKES),
        "first-event": Step(first_event, Pace(rounds=1, seconds=10.0, warmup=2.0), turns(2)),
    },
)
