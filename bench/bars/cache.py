"""What kept answers cost: a hit beside a proxied request, beside live streams, and the search by meaning.

``exact`` compares two gateways on one mock, one of which keeps answers; after the first request all of its
are hits. ``beside`` looks at hits at 2,000 a second while streams run. ``meaning`` asks other wordings one
after the other and takes the time of the embedder off. ``others`` looks at requests that want nothing of it,
while the embedder has more than it can do. The last two need the weights of all-MiniLM-L6-v2: the package has
them, or ``FERROGATE_WEIGHTS`` names their folder.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx

from ferrogate.cli.bench.compare import Plan, Tell, compare
from ferrogate.cli.bench.figures import ratio_of, select
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.load import JSON, Load, run_load
from ferrogate.cli.bench.servers import KEY, Server, start_gateway
from ferrogate.cli.bench.tables import comparison, engine_cpu, markdown, notes
from ferrogate.cli.bench.together import Together
from ferrogate.engine.semantic import Embedder, weights_folder

from .registry import Pace, Part, Settings, Step, turns
from .report import Bar, Findings, ratio_bar

HITS_A_SECOND = 2_000.0
STREAMS_A_SECOND = 50.0
OTHERS_A_SECOND = 500.0
THIRTEEN = "How do I reset the password of my account when I lost it?"
"""A question of 13 words, the length that the embedder is measured at."""
MARKS = ("?", "!", ".", "??", "!!", "...")
"""Final punctuation is another request and the same question."""


def exact(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """CPU of a hit against that of a request that is proxied."""
    pace = settings.pace
    _gateway(lab, "cached", "cache: {exact: {enabled: true, ttl: 1h}}\n")
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
    server = _gateway(
        lab, "cached", "cache: {exact: {enabled: true, ttl: 1h}}\nmodels: {live: {targets: [mock/filler], "
        "cache: {exact: {enabled: false}}}}\n"
    )  # fmt: skip
    hits = Load(rate=HITS_A_SECOND, duration=pace.seconds, connections=64)
    streams = Load(rate=STREAMS_A_SECOND, duration=pace.seconds, connections=256, stream=True, model="live")
    run_load(replace(hits, duration=max(pace.warmup, 0.2)), server.url, {}, None)
    reports = []
    for number in range(pace.rounds):
        tell(f"cache: hits beside streams, round {number + 1} of {pace.rounds}")
        with Together([hits, streams], server.url) as running:
            reports.append(running.reports())
    quantile = {
        name: [one[0]["latency_us"][name] / 1000 for one in reports] for name in ("p50", "p99", "p999")
    }
    bad = sum(one["requests"]["sent"] - one["requests"]["ok"] for pair in reports for one in pair)
    misses = _stats(server)["misses"]
    spread = f"{min(quantile['p99']):.2f} to {max(quantile['p99']):.2f} in {len(reports)} rounds"
    bars = [
        Bar("exact hits at 2,000/s beside streams, p99", median(quantile["p99"]), "ms", 2.0, spread),
        Bar("exact hits at 2,000/s beside streams, p50", median(quantile["p50"]), "ms"),
        Bar("exact hits at 2,000/s beside streams, p99.9", median(quantile["p999"]), "ms"),
        Bar("exact hits beside streams, failed requests of both", bad, "requests", 0),
        Bar("exact hits beside streams, misses among the hits", misses, "requests", None, "the first is one"),
    ]
    late = [one["generator_late"] for pair in reports for one in pair]
    return Findings(bars=bars, notes=[f"the generator was late in {sum(late)} of {len(late)} runs"])


def meaning(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """What a hit by meaning takes beyond the embedding of its question."""
    pace = settings.pace
    weights = _weights()
    server = _gateway(lab, "meaning", _semantic(weights))
    embedder = Embedder(weights)
    asked = _Asked(server)
    assert asked.ask(THIRTEEN).cache == "miss"
    took: list[float] = []
    alone: list[float] = []
    for number in range(pace.rounds):
        tell(f"cache: hits by meaning, round {number + 1} of {pace.rounds}")
        end = time.monotonic() + pace.seconds
        while time.monotonic() < end:
            mark = MARKS[1 + len(took) % (len(MARKS) - 1)]
            text = THIRTEEN.rstrip("?") + mark
            hit = asked.ask(text)
            if hit.cache != "hit-semantic":
                return Findings(notes=[f"{text!r} was a {hit.cache}"], failed=True)
            took.append(hit.gateway_ms)
            begun = time.perf_counter()
            embedder.embed([text])
            alone.append((time.perf_counter() - begun) * 1000)
    more = [one - other for one, other in zip(took, alone, strict=True)]
    detail = f"{len(took)} hits, one after the other; p99 {_p99(more):.2f}"
    bars = [
        Bar("hit by meaning, beyond the embedding, median", median(more), "ms", 2.0, detail),
        Bar("hit by meaning, in the gateway, median", median(took), "ms"),
        Bar("the embedding alone, in one thread, median", median(alone), "ms"),
    ]
    return Findings(bars=bars)


def others(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """Latency of proxied requests at a rate, with the embedder idle and with its queue full."""
    pace = settings.pace
    server = _gateway(lab, "busy", _semantic(_weights()))
    load = Load(rate=OTHERS_A_SECOND, duration=pace.seconds, connections=64, model="mock/echo")
    run_load(replace(load, duration=max(pace.warmup, 0.2)), server.url, {}, None)
    seen: dict[str, list[dict[str, Any]]] = {"idle": [], "full": []}
    for number in range(pace.rounds):
        for state in ("idle", "full") if number % 2 == 0 else ("full", "idle"):
            tell(f"cache: others, round {number + 1} of {pace.rounds}, embedder {state}")
            with _Flood(server, 3 if state == "full" else 0):
                seen[state].append(run_load(load, server.url, {}, None))
    p99 = {state: [one["latency_us"]["p99"] / 1000 for one in runs] for state, runs in seen.items()}
    p50 = {state: median(one["latency_us"]["p50"] / 1000 for one in runs) for state, runs in seen.items()}
    more = [full - idle for full, idle in zip(p99["full"], p99["idle"], strict=True)]
    ranges = {state: f"{min(runs):.2f} to {max(runs):.2f}" for state, runs in p99.items()}
    counted = _stats(server)["semantic"]
    bars = [
        Bar(
            "others at 500/s, p99 that a full embedder adds", median(more), "ms", None,
            f"{min(more):.2f} to {max(more):.2f}; idle {ranges['idle']}, full {ranges['full']}",
        ),
        Bar("others at 500/s, p50 that a full embedder adds", p50["full"] - p50["idle"], "ms"),
    ]  # fmt: skip
    bad = sum(one["requests"]["sent"] - one["requests"]["ok"] for runs in seen.values() for one in runs)
    bars.append(Bar("others at 500/s, failed", bad, "requests", 0))
    late = sum(one["generator_late"] for runs in seen.values() for one in runs)
    return Findings(bars=bars, notes=[f"lookups: {counted}", f"the generator was late in {late} runs"])


@dataclass(frozen=True)
class Answered:
    """How one question was answered; the time is the gateway's own, in milliseconds."""

    cache: str
    gateway_ms: float


class _Asked:
    def __init__(self, server: Server) -> None:
        self._http = httpx.Client(base_url=server.url, trust_env=False, timeout=30.0)

    def ask(self, text: str) -> Answered:
        body = {"model": "faq", "messages": [{"role": "user", "content": text}]}
        answer = self._http.post(
            "/v1/chat/completions", json=body, headers={"authorization": f"Bearer {KEY}"}
        )
        answer.raise_for_status()
        headers = answer.headers
        return Answered(headers["x-gateway-cache"], int(headers["x-gateway-overhead-us"]) / 1000)


class _Flood:
    """Clients that ask new questions as fast as they are answered, while the block runs."""

    def __init__(self, server: Server, clients: int) -> None:
        self._server = server
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        asked = _Asked(self._server)
        count = 0
        while not self._ending.is_set():
            count += 1
            asked.ask(f"What does plan {number} cost in month {count} for a team of {count % 90} people?")


def _semantic(weights: Path) -> str:
    return (
        f'cache: {{embedder: {{path: "{weights}"}}}}\n'
        "models: {faq: {targets: [mock/filler], cache: {exact: {enabled: true, ttl: 1h}, "
        "semantic: {enabled: true}}}}\n"
    )


def _gateway(lab: Lab, name: str, more: str) -> Server:
    provider = (
        f'providers: {{mock: {{kind: openai-compatible, base_url: "{lab.mock.url}/v1", '
        f"keys: [{{name: main, value: {KEY}}}]}}}}\n"
    )
    return lab.add(
        start_gateway("native", lab.folder, lab.mock.url, workers=1, name=name, configuration=provider + more)
    )


def _weights() -> Path:
    named = os.environ.get("FERROGATE_WEIGHTS")
    return weights_folder(Path(named) if named else None)


def _stats(server: Server) -> dict[str, Any]:
    answer = httpx.get(f"{server.url}/api/v1/cache", params={"limit": 1}, trust_env=False, timeout=30.0)
    answer.raise_for_status()
    return dict(answer.json()["stats"])


def _p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100)[98] if len(values) > 1 else values[0]


_PACE = Pace(rounds=5, seconds=8.0, warmup=2.0)

PART = Part(
    "cache",
    "kept answers: CPU and latency of hits, and what the embedder does to others",
    {
        "exact": Step(exact, _PACE, turns(2, modes=2)),
        "beside": Step(beside, _PACE, turns(1)),
        "meaning": Step(meaning, _PACE, turns(1)),
        "others": Step(others, _PACE, turns(2)),
    },
)
