"""Time to the first event of many streams that start in the same millisecond, native beside nginx.

The clients' connections are open already, as an SDK's are; the upstream's are whatever the proxy keeps. The
mock sends its first event at once, so what is measured is how fast a proxy works off the crowd at its door.
"""

from __future__ import annotations

from ferrogate.cli.bench.compare import WARM_UP, Tell
from ferrogate.cli.bench.figures import Value, median_of, ratio_of, select
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.load import Load, Sample
from ferrogate.cli.bench.tables import markdown, notes

from .registry import Pace, Part, Settings, Step
from .report import Findings, ratio_bar
from .runs import paced_streams, run_one

SERVERS = ("direct", "nginx", "native")
STREAMS = 1000
QUICK_STREAMS = 100
AT_ONCE = 1e6
"""Requests a second: all of them within a few milliseconds."""
NAME = "burst"

QUANTILES: dict[str, tuple[Value, float | None]] = {
    "p50": (lambda sample: sample.report["first_byte_us"]["p50"], 2.0),
    "p99": (lambda sample: sample.report["first_byte_us"]["p99"], 3.0),
}
"""How each is read, in microseconds, and the most that it may be as a multiple of nginx's."""


def burst(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """Bursts in turns; ``seconds`` is the length of a stream, of which the warm-up has one as well."""
    pace, streams = settings.pace, QUICK_STREAMS if settings.quick else STREAMS
    for name in SERVERS:
        tell(f"ttft: starting {name}")
        _start(lab, name, streams, pace.warmup, WARM_UP, 0, tell)
    samples = []
    for number in range(pace.rounds):
        for name in SERVERS if number % 2 == 0 else reversed(SERVERS):
            samples.append(_start(lab, name, streams, pace.seconds, "burst", number, tell))
    sides = {name: select(samples, name, NAME, "burst") for name in SERVERS}
    findings = Findings(samples=samples, notes=notes(samples))
    for quantile, (value, bound) in QUANTILES.items():
        ratio = ratio_of(sides["native"], sides["nginx"], value)
        name = f"native, first event of {streams:,} streams that start together vs nginx, {quantile}"
        findings.bars.append(ratio_bar(name, ratio, bound))
    rows = []
    for name, side in sides.items():
        lag = median_of(side, lambda sample: sample.report["send_lag_us"]["p99"])
        values = [*(median_of(side, value) for value, _ in QUANTILES.values()), lag]
        rows.append([name, *("-" if value is None else f"{value / 1000:.1f}" for value in values)])
    header = ["server", *(f"first event {name} ms" for name in QUANTILES), "generator's own sending, p99 ms"]
    findings.tables.append((f"{streams:,} streams that start together", markdown(header, rows)))
    return findings


def _start(lab: Lab, name: str, streams: int, seconds: float, mode: str, number: int, tell: Tell) -> Sample:
    scenario = paced_streams(NAME, "streams that start together", seconds)
    lab.script(scenario.script)
    load = Load(
        rate=AT_ONCE,
        duration=seconds + 60.0,
        stream=True,
        model=scenario.model,
        connections=streams,
        requests=streams,
        open_first=True,
    )
    return run_one(lab, name, lab.server(name), scenario, load, tell, mode=mode, number=number)


PART = Part(
    "ttft",
    "time to the first event of 1,000 streams that start together",
    {
        "burst": Step(
            burst,
            Pace(rounds=5, seconds=1.0, warmup=1.0),
            lambda pace: 12 + 3 * (pace.warmup + pace.rounds * (pace.seconds + 1.5)),
        )
    },
)
