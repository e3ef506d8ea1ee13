"""What exact hits cost: beside a proxied request, and beside live streams.

``exact`` compares two gateways on one mock, one of which keeps answers; after the first request all of its
are hits. ``beside`` looks at hits at 2,000 a second while streams run.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import Any

import httpx

from ferrogate.cli.bench.compare import Plan, Tell, compare
from ferrogate.cli.bench.figures import ratio_of, select
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.load import JSON, Load, run_load
from ferrogate.cli.bench.servers import KEY, Server, start_gateway
from ferrogate.cli.bench.tables import comparison, engine_cpu, markdown, notes
from ferrogate.cli.bench.together import Together

from .registry import Pace, Part, Settings, Step, turns
from .report import Bar, Findings, ratio_bar

HITS_A_SECOND = 2_000.0
STREAMS_A_SECOND = 50.0


def exact(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """CPU of a hit against that of a request that is proxied."""
    pace = settings.pace
    gateway(lab, "cached", "cache: {exact: {enabled: true, ttl: 1h}}\n")
    servers = ("native", "cached")
    plan = Plan(servers, [JSON], pace.rounds, pace.seconds, pace.warmup)
    samples, offered = compare(plan, lab, tell)
    table = markdown(*comparison(samples, JSON, servers, ranges=True))
    findings = Findings(
        samples=samples, offered=offered, notes=notes(samples), tables=[("exact hits", table)]
    )
    for mode, when in (("rate", "at 60 % of the maximum"), ("saturation", "at saturation")):
        ours, theirs = (select(samples, name, JSON.name, mode) for name in ("cached", "native"))
        cpu = ratio_of(ours, theirs, engine_cpu, lambda sample: sample.window_us)
        findings.bars.append(
            ratio_bar(f"exact hit, CPU vs a proxied request, {when}, engine threads", cpu, 1.2)
        )
    return findings


def beside(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """Latency of hits at a rate while streams run on the same gateway."""
    pace = settings.pace
    lab.script({"chunks": 50, "chunk_bytes": 250, "chunk_ms": 20})
    server = gateway(
        lab, "cached", "cache: {exact: {enabled: true, ttl: 1h}}\nmodels: {live: {targets: [mock/filler], "
        "cache: {exact: {enabled: false}}}}\n"
    )  # fmt: skip
    hits = Load(rate=HITS_A_SECOND, duration=pace.seconds, connections=64)
    streams = Load(rate=STREAMS_A_SECOND, duration=pace.seconds, connections=256, stream=True, model="live")
    run_load(replace(hits, duration=max(pace.warmup, 0.2)), server.url, {}, None)
    urls = {"hits": server.url, "floor": lab.mock.url}
    reports: dict[str, list[list[dict[str, Any]]]] = {name: [] for name in urls}
    for number in range(pace.rounds):
        for name in ("floor", "hits") if number % 2 == 0 else ("hits", "floor"):
            tell(f"cache: hits beside streams, round {number + 1} of {pace.rounds}, {name}")
            with Together([hits, streams], urls[name]) as running:
                reports[name].append(running.reports())

    def latencies(name: str, quantile: str) -> list[float]:
        return [one[0]["latency_us"][quantile] / 1000 for one in reports[name]]

    def bar(quantile: str, words: str, bound: float | None) -> Bar:
        ours, floor = latencies("hits", quantile), latencies("floor", quantile)
        detail = f"{min(ours):.2f} to {max(ours):.2f} in {len(ours)} rounds; the mock itself, in turns: "
        detail += f"{median(floor):.2f} ({min(floor):.2f} to {max(floor):.2f})"
        name = f"exact hits at 2,000/s beside streams, {words}"
        return Bar(name, median(ours), "ms", bound, detail)

    bad = sum(one["requests"]["sent"] - one["requests"]["ok"] for pair in reports["hits"] for one in pair)
    bars = [
        bar("p99", "p99", 2.0),
        bar("p50", "p50", None),
        bar("p999", "p99.9", None),
        Bar("exact hits beside streams, failed requests of both", bad, "requests", 0),
        Bar(
            "exact hits beside streams, misses among the hits",
            stats(server)["misses"],
            "requests",
            None,
            "the first is one",
        ),
    ]
    late = [one["generator_late"] for runs in reports.values() for pair in runs for one in pair]
    return Findings(bars=bars, notes=[f"the generator was late in {sum(late)} of {len(late)} runs"])


def gateway(lab: Lab, name: str, more: str) -> Server:
    text = provider(lab) + more
    return lab.add(
        start_gateway("native", lab.folder, lab.mock.url, workers=1, name=name, configuration=text)
    )


def provider(lab: Lab) -> str:
    return (
        f'providers: {{mock: {{kind: openai-compatible, base_url: "{lab.mock.url}/v1", '
        f"keys: [{{name: main, value: {KEY}}}]}}}}\n"
    )


def stats(server: Server) -> dict[str, Any]:
    answer = httpx.get(f"{server.url}/api/v1/cache", params={"limit": 1}, trust_env=False, timeout=30.0)
    answer.raise_for_status()
    return dict(answer.json()["stats"])


_PACE = Pace(rounds=5, seconds=8.0, warmup=2.0)

PART = Part(
    "cache",
    "kept answers: CPU of an exact hit, and its latency beside streams",
    {
        "exact": Step(exact, _PACE, turns(2, modes=2)),
        "beside": Step(beside, _PACE, turns(1)),
    },
)
