"""Memory under large prompts at the highest rate: every queue is bounded in bytes, or this grows."""

from __future__ import annotations

import os

from ferrogate.cli.bench.compare import Tell
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.load import Load, Scenario
from ferrogate.cli.bench.servers import start_gateway
from ferrogate.cli.bench.tables import markdown, notes

from .registry import Pace, Part, Settings, Step
from .report import Bar, Findings
from .runs import MB, peak_mb, run_one

CONNECTIONS = 64
PROMPTS = Scenario(
    "prompts-200k",
    "JSON, 200 kB bodies",
    stream=False,
    unit="request",
    body_bytes=200_000,
    connections=CONNECTIONS,
    script={"body_kb": 0.5},
)


def prompts(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """The largest resident memory of one gateway with an engine thread a core, over all rounds."""
    workers = os.cpu_count() or 1
    server = lab.add(start_gateway("native", lab.folder, lab.mock.url, workers=workers))
    lab.script(PROMPTS.script)
    load = Load(
        rate=0.0,
        duration=settings.pace.seconds,
        warmup=settings.pace.warmup,
        connections=CONNECTIONS,
        body_bytes=PROMPTS.body_bytes,
    )
    samples = []
    for number in range(settings.pace.rounds):
        samples.append(
            run_one(lab, server.name, server, PROMPTS, load, tell, mode="saturation", number=number)
        )
    usages = [sample.report["usage"]["server"] for sample in samples]
    peak = max((most for sample in samples if (most := peak_mb(sample))), default=None)
    detail = (
        f"{workers} engine threads, {CONNECTIONS} connections, {sum(s.units for s in samples):,} requests"
    )
    rows = [
        [
            str(sample.round + 1),
            f"{sample.throughput:,.0f}",
            *(f"{usage[name] * 1024 / MB:.0f}" for name in ("rss_start_kb", "rss_peak_kb", "rss_end_kb")),
        ]
        for sample, usage in zip(samples, usages, strict=True)
    ]
    header = ["round", "requests/s", "MB at its start", "peak MB", "MB at its end"]
    return Findings(
        bars=[Bar("native, peak memory with 200 kB prompts at the highest rate", peak, "MB", 300.0, detail)],
        samples=samples,
        tables=[(f"Memory, {PROMPTS.title}", markdown(header, rows))],
        notes=notes(samples),
    )


PART = Part(
    "memory",
    "peak memory with 200 kB prompts at the highest rate",
    {
        "prompts": Step(
            prompts,
            Pace(rounds=3, seconds=20.0, warmup=2.0),
            lambda pace: 5 + pace.rounds * (pace.seconds + pace.warmup + 3),
        )
    },
)
