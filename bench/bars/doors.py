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
from ferrogate.cli.bench.load import JSON, STREAMS
from ferrogate.cli.bench.tables import markdown, notes

from .report import Findings, ratio_bar

BASELINE = Path(__file__).parent.parent / "baselines" / "aiohttp_proxy.py"
BASELINES = {"aiohttp": "aiohttp", "aiohttp under uvicorn": "uvicorn"}
"""Name in tables to ``--server`` of the baseline."""
CONNECTIONS = (4, 16, 64)


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


def json_requests(lab: Lab, plan: Plan, tell: Tell) -> Findings:
    """CPU a request of the whole process, at one rate and at saturation with 4, 16 and 64 connections."""
    start_baselines(lab)
    names = ["uvicorn", *BASELINES, "python"]
    findings = Findings()
    rows = []
    for connections in CONNECTIONS:
        scenario = replace(JSON, name=f"json-{connections}", connections=connections)
        # At 60 % of the far slower Python engine's maximum the others would idle, so it runs by itself.
        paced = replace(plan, servers=names[:-1], scenarios=[scenario])
        samples, offered = compare(paced, lab, tell)
        alone = replace(plan, servers=["python"], scenarios=[scenario])
        more, rate = compare(alone, lab, tell)
        samples += more
        findings.samples += samples
        findings.offered |= offered | {f"{name} (python)": value for name, value in rate.items()}
        findings.notes += [f"{connections} connections, {note}" for note in notes(samples)]
        for mode, title in (("rate", "at one rate"), ("saturation", "at saturation")):
            ours = select(samples, "uvicorn", scenario.name, mode)
            for name in BASELINES:
                theirs = select(samples, name, scenario.name, mode)
                ratio = ratio_of(ours, theirs, lambda sample: sample.cpu_us)
                text = f"uvicorn door, CPU a request vs {name}, {connections} connections, {title}"
                findings.bars.append(ratio_bar(text, ratio, 0.4))
            python = ratio_of(
                ours, select(samples, "python", scenario.name, mode), lambda sample: sample.cpu_us
            )
            text = f"uvicorn door, CPU a request vs the Python engine, {connections} connections, {title}"
            findings.bars.append(ratio_bar(text, python, None))
        for name in names:
            full = select(samples, name, scenario.name, "saturation")
            steady = select(samples, name, scenario.name, "rate")
            values = [
                median_of(steady, lambda sample: sample.cpu_us),
                median_of(full, lambda sample: sample.cpu_us),
                median_of(full, lambda sample: sample.throughput),
            ]
            cells = ["-" if value is None else f"{value:,.0f}" for value in values]
            rows.append([name, str(connections), *cells])
    header = [
        "server",
        "connections",
        "µs a request at its rate",
        "µs a request at saturation",
        "most requests/s",
    ]
    findings.tables.append(("ASGI doors, JSON, 0.6 kB bodies, whole process", markdown(header, rows)))
    return findings


def streams(lab: Lab, plan: Plan, tell: Tell) -> Findings:
    """CPU a chunk of the whole process; for information."""
    start_baselines(lab)
    names = ["uvicorn", *BASELINES, "python"]
    samples, offered = compare(replace(plan, servers=names, scenarios=[STREAMS], saturate=False), lab, tell)
    findings = Findings(samples=samples, offered=offered, notes=notes(samples))
    ours = select(samples, "uvicorn", STREAMS.name, "rate")
    for name in names[1:]:
        ratio = ratio_of(ours, select(samples, name, STREAMS.name, "rate"), lambda sample: sample.cpu_us)
        findings.bars.append(ratio_bar(f"uvicorn door, CPU a chunk vs {name}", ratio, None))
    return findings
