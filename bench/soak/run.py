"""One soak: saturation, the steady load with its disturbances, rest, and the judgement."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ferrogate.cli.bench import servers

from .disturb import Disturbance
from .flatness import Bound, Verdict, judge
from .load import Mixed, Rates, saturation
from .sampler import Sampler, Series, gauges

__all__ = ["BOUNDS", "JUDGED_FROM_S", "Options", "Soak", "soak"]

MIB = float(1 << 20)
BOUNDS = {
    "rss": Bound(0.03, 8 * MIB),
    "fds": Bound(0.0, 8),
    "threads": Bound(0.0, 2),
    "journal": Bound(0.0, 32 * MIB),
    "payloads": Bound(0.10, 32 * MIB),
    "database": Bound(0.05, 8 * MIB),
    "in_flight": Bound(0.10, 16),
    "lag": Bound(0.10, 4_000),
}
"""How much each may grow over the second half of a run. Segments of 16 MiB go as a whole."""
RETENTION = {"rows": 150_000, "payload_size": "128MiB"}
"""Low, so that the files reach their plateau in the first half."""
JUDGED_FROM_S = 240.0
"""A shorter run says whether the soak itself works, and nothing about growth."""
MODEL = "soak"
PROVIDERS = ("a", "b")
PROBES = ("--latency-ms", "20", "--chunk-ms", "5", "--chunks", "20", "--no-record")
"""A provider that takes its time, so that requests are in flight together."""


@dataclass(frozen=True)
class Options:
    """What a run is like. ``log`` is the section of that name in the gateway's file."""

    minutes: float = 20.0
    every: float = 5.0
    probe: float = 10.0
    door: str = "native"
    seed: int = 1
    rates: Rates | None = None
    log: dict[str, Any] = field(default_factory=lambda: dict(RETENTION))


@dataclass
class Soak:
    """What was seen."""

    options: Options
    most: Rates | None
    rates: Rates
    series: Series
    verdicts: dict[str, Verdict]
    unhappy: dict[str, int]
    """By load: requests that were not answered with a whole 200."""
    disturbances: dict[str, int]
    rest: dict[str, float]
    """The gauges, some seconds after the load."""
    rest_rss: float
    latency_us: dict[str, Any]
    problems: list[str] = field(default_factory=list)


def soak(options: Options, tell: Callable[[str], None]) -> Soak:
    """Run it, and judge."""
    with tempfile.TemporaryDirectory(prefix="ferrogate-soak-") as name, ExitStack() as stack:
        folder = Path(name)
        mock = servers.start_mock(folder, *PROBES)
        stack.callback(mock.stop)
        gateway = _start(folder, mock.url, options)
        stack.callback(gateway.stop)
        most = None if options.rates else saturation(gateway.url, MODEL, options.probe, tell)
        rates = options.rates or Rates.steady(most or Rates(0, 0))
        seconds = 60 * options.minutes
        tell(
            f"{rates.json:,.0f} JSON requests, {rates.streams:,.0f} streams a second, {options.minutes:g} min"
        )
        mixed = Mixed(gateway.url, MODEL, rates, seconds)
        disturbance = Disturbance(gateway.url, MODEL, PROVIDERS, options.seed)
        pid = gateway.process.pid
        sampler = Sampler(gateway.url, pid, folder / "data", mixed.failures, options.every)
        mixed.start()
        disturbance.start()
        sampler.start()
        try:
            mixed.join()
        finally:
            series = sampler.stop()
            disturbance.stop()
        tell("coming to rest")
        rest = _rest(gateway.url)
        rest_rss = sampler.rss()
    found = Soak(
        options,
        most,
        rates,
        series,
        {name: judge(series.seconds, series.values[name], bound) for name, bound in BOUNDS.items()},
        mixed.unhappy(),
        dict(disturbance.counts),
        rest,
        rest_rss,
        {name: report["latency_us"] for name, report in mixed.reports.items()},
    )
    found.problems = problems(found)
    return found


def problems(found: Soak) -> list[str]:
    """Everything that should not be."""
    said = [
        f"{count} of the {name} were not answered with a whole 200"
        for name, count in found.unhappy.items()
        if count
    ]
    for name in ("in_flight_requests", "buffered_bytes"):
        if value := found.rest[f"ferrogate_{name}"]:
            said.append(f"{name} is {value:.0f} after the load")
    if found.series.seconds[-1] < JUDGED_FROM_S:
        return said
    for name, verdict in found.verdicts.items():
        if not verdict.flat:
            said.append(
                f"{name} grew by {verdict.growth:,.0f} in the second half; the bound is {verdict.bound:,.0f}"
            )
    return said


def _start(folder: Path, mock: str, options: Options) -> servers.Server:
    provider = {"kind": "openai-compatible", "base_url": f"{mock}/v1"}
    config = {
        "providers": {
            name: provider | {"keys": [{"name": "main", "value": f"sk-{name}-main"}]} for name in PROVIDERS
        },
        "models": {MODEL: {"targets": [{"target": f"{name}/echo", "weight": 1} for name in PROVIDERS]}},
    }
    path = folder / "gateway.yaml"
    path.write_text(json.dumps(config | {"log": options.log}), encoding="utf-8")
    kind, engine = servers.KINDS[options.door]
    command = [sys.executable, "-m", "ferrogate", "serve", "--server", kind, "--engine", engine]
    command += ["--port", "0", "--data", str(folder / "data"), "--config", str(path)]
    return servers.start("gateway", command, folder)


def _rest(url: str, patience: float = 30.0) -> dict[str, float]:
    """Wait until nothing runs and the log has caught up; returns the gauges as they were last."""
    end = time.monotonic() + patience
    while True:
        seen = gauges(url)
        idle = seen["ferrogate_in_flight_requests"] == 0 and seen["ferrogate_client_connections"] <= 1
        if (
            idle and seen["ferrogate_log_rows_total"] >= seen["ferrogate_journal_rows_total"]
        ) or time.monotonic() > end:
            return {name: value for name, value in seen.items() if not name.endswith("_bucket")}
        time.sleep(0.25)
