"""The latency that the native door adds where the machine has time left, beside nginx and the bare mock."""

from __future__ import annotations

from dataclasses import replace

from ferrogate.cli.bench.compare import Plan, Tell, compare
from ferrogate.cli.bench.figures import Value, difference_of, median_of, select
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.load import JSON
from ferrogate.cli.bench.tables import markdown, notes

from .registry import Pace, Part, Run, Settings, Step, turns
from .report import Findings, difference_bar

SERVERS = ("direct", "nginx", "native")
QUANTILES: dict[str, tuple[Value, float | None]] = {
    "p50": (lambda sample: sample.p50_us / 1000, 0.2),
    "p99": (lambda sample: sample.p99_us / 1000, 2.0),
    "p99.9": (lambda sample: sample.p999_us / 1000, None),
}
"""How each is read, in milliseconds, and the most that it may be above nginx's."""


def at(rate: float) -> Run:
    def run(lab: Lab, settings: Settings, tell: Tell) -> Findings:
        pace = settings.pace
        scenario = replace(JSON, name=f"json-at-{rate:g}")
        plan = Plan(SERVERS, [scenario], pace.rounds, pace.seconds, pace.warmup, rate=rate, saturate=False)
        samples, offered = compare(plan, lab, tell)
        sides = {name: select(samples, name, scenario.name, "rate") for name in SERVERS}
        findings = Findings(samples=samples, offered=offered, notes=notes(samples))
        rows = []
        for quantile, (value, bound) in QUANTILES.items():
            more = difference_of(sides["native"], sides["nginx"], value)
            name = f"native, latency above nginx's at {rate:g} requests/s, {quantile}"
            findings.bars.append(difference_bar(name, more, "ms", bound))
        for name, side in sides.items():
            medians = [median_of(side, value) for value, _ in QUANTILES.values()]
            rows.append([name, *("-" if value is None else f"{value:.2f}" for value in medians)])
        header = ["server", *(f"{name} ms" for name in QUANTILES)]
        findings.tables.append((f"Latency at {rate:g} requests/s, 0.6 kB bodies", markdown(header, rows)))
        return findings

    return run


_PACE = Pace(rounds=7, seconds=5.0, warmup=2.0)

PART = Part(
    "latency",
    "added latency at 500 and 2,000 requests a second",
    {f"at-{rate}": Step(at(rate), _PACE, turns(len(SERVERS))) for rate in (500, 2000)},
)
