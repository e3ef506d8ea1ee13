"""The uvicorn door beside what one would write by hand on aiohttp, and beside the pure Python engine.

httpx's pool slows down with the number of connections, so the Python engine's cost is shown at several.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from ferrogate.cli.bench import servers
from ferrogate.cli.bench.compare import Plan, Tell, compare
from ferrogate.cli.bench.figures import median_of, ratio_of, select
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.load import JSON, STREAMS, Sample, Scenario
from ferrogate.cli.bench.tables import markdown, notes

from .registry import Pace, Part, Run, Settings, Step, turns
from .report import Bar, Findings, ratio_bar

BASELINE = Path(__file__).parent.parent / "baselines" / "aiohttp_proxy.py"
BASELINES = {"aiohttp": "aiohttp", "aiohttp under uvicorn": "uvicorn"}
"""Name in tables to ``--server`` of the baseline."""
CONNECTIONS = (4, 16, 64)
MODES = (("rate", "at one rate"), ("saturation", "at saturation"))
UNPACED = replace(
    STREAMS,
    name="unpaced",
    title="streams of 100 chunks of 250 bytes, as fast as they are read",
    script={"chunks": 100, "chunk_bytes": 250, "chunk_ms": 0},
)


def start_baselines(lab: Lab) -> None:
    for name, server in BASELINES.items():
        command: list[str | Path] = [
            sys.executable,
            BASELINE,
            "--server",
            server,
            "--upstream",
            f"{lab.mock.url}/v1",
        ]
        command += ["--key", f"{servers.KEY}:1", "--key", f"{servers.KEY}:0.5"]
        lab.add(servers.start(name, command, lab.folder))


def json_requests(connections: int) -> Run:
    """CPU a request of the whole process, at one rate and at saturation, with so many connections."""
    scenario = replace(
        JSON,
        name=f"json-{connections}",
        title=f"JSON, 0.6 kB bodies, {connections} connections",
        connections=connections,
    )

    def run(lab: Lab, settings: Settings, tell: Tell) -> Findings:
        pace = settings.pace
        start_baselines(lab)
        # At 60 % of the far slower Python engine's maximum the others would idle, so it runs by itself.
        plan = Plan(["uvicorn", *BASELINES], [scenario], pace.rounds, pace.seconds, pace.warmup)
        samples, offered = compare(plan, lab, tell)
        alone = replace(plan, servers=["python"], rounds=max(1, pace.rounds // 2))
        more, rate = compare(alone, lab, tell)
        samples += more
        offered |= {f"{name} (python)": value for name, value in rate.items()}
        findings = Findings(samples=samples, offered=offered, notes=notes(samples))
        findings.bars = _against(samples, scenario, list(BASELINES), 0.33)
        findings.bars += _against(samples, scenario, ["python"], None)
        findings.tables.append((f"ASGI doors, {scenario.title}, whole process", _table(samples, scenario)))
        return findings

    return run


def streams(scenario: Scenario, bound: float | None) -> Run:
    """CPU a chunk of the whole process, at one rate and at saturation."""

    def run(lab: Lab, settings: Settings, tell: Tell) -> Findings:
        pace = settings.pace
        start_baselines(lab)
        plan = Plan(["uvicorn", *BASELINES], [scenario], pace.rounds, pace.seconds, pace.warmup)
        samples, offered = compare(plan, lab, tell)
        findings = Findings(samples=samples, offered=offered, notes=notes(samples))
        findings.bars = _against(samples, scenario, list(BASELINES), bound)
        findings.tables.append((f"ASGI doors, {scenario.title}, whole process", _table(samples, scenario)))
        return findings

    return run


def _against(
    samples: list[Sample], scenario: Scenario, baselines: list[str], bound: float | None
) -> list[Bar]:
    bars = []
    for mode, when in MODES:
        ours = select(samples, "uvicorn", scenario.name, mode)
        for name in baselines:
            theirs = select(samples, name, scenario.name, mode)
            ratio = ratio_of(ours, theirs, lambda sample: sample.cpu_us)
            whose = "the Python engine" if name == "python" else name
            title = f"uvicorn door, {scenario.title}, CPU a {scenario.unit} vs {whose}, {when}"
            bars.append(ratio_bar(title, ratio, bound))
    return bars


def _table(samples: list[Sample], scenario: Scenario) -> str:
    rows = []
    for name in dict.fromkeys(sample.server for sample in samples):
        full = select(samples, name, scenario.name, "saturation")
        steady = select(samples, name, scenario.name, "rate")
        cells = [
            median_of(steady, lambda sample: sample.cpu_us),
            median_of(full, lambda sample: sample.cpu_us),
        ]
        most = median_of(full, lambda sample: sample.throughput)
        texts = ["-" if value is None else f"{value:,.1f}" for value in cells]
        rows.append([name, *texts, "-" if most is None else f"{most:,.0f}"])
    unit = scenario.unit
    what = "streams" if scenario.stream else "requests"
    return markdown(
        ["server", f"µs a {unit} at its rate", f"µs a {unit} at saturation", f"most {what}/s"], rows
    )


_FULL = Pace(rounds=7, seconds=5.0, warmup=3.0)
_TAKES = turns(3, modes=2)

PART = Part(
    "doors",
    "the uvicorn door beside hand-written aiohttp and the Python engine, CPU a request and a chunk",
    {
        **{
            f"json-{connections}": Step(
                json_requests(connections), _FULL, lambda pace: _TAKES(pace) + turns(1)(pace)
            )
            for connections in CONNECTIONS
        },
        "streams": Step(streams(UNPACED, 0.5), _FULL, _TAKES),
        "paced": Step(streams(STREAMS, None), _FULL, _TAKES),
    },
)
