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
            _stats(server)["misses"],
            "requests",
            None,
            "the first is one",
        ),
    ]
    late = [one["generator_late"] for runs in reports.values() for pair in runs for one in pair]
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
    """Latency of proxied requests at a rate, beside others that go through the embedder or around it."""
    pace = settings.pace
    server = _gateway(lab, "busy", _semantic(_weights()))
    load = Load(rate=OTHERS_A_SECOND, duration=pace.seconds, connections=64, model="mock/echo")
    run_load(replace(load, duration=max(pace.warmup, 0.2)), server.url, {}, None)
    seen: dict[str, list[dict[str, Any]]] = {"idle": [], "full": []}
    for number in range(pace.rounds):
        for state in ("idle", "full") if number % 2 == 0 else ("full", "idle"):
            tell(f"cache: others, round {number + 1} of {pace.rounds}, embedder {state}")
            with _Flood(server, "semantic" if state == "full" else "off"):
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

    def ask(self, text: str, wish: str = "semantic") -> Answered:
        body = {"model": "faq", "messages": [{"role": "user", "content": text}]}
        asking = {"authorization": f"Bearer {KEY}", "x-gateway-cache": wish}
        answer = self._http.post("/v1/chat/completions", json=body, headers=asking)
        answer.raise_for_status()
        headers = answer.headers
        return Answered(headers["x-gateway-cache"], int(headers["x-gateway-overhead-us"]) / 1000)


class _Flood:
    """Clients that ask new questions while the block runs, more in a second than can be embedded.

    ``wish`` is their ``x-gateway-cache``: with ``off`` the same requests go around the embedder.
    """

    CLIENTS = 12
    PAUSE_S = 0.02

    def __init__(self, server: Server, wish: str) -> None:
        self._server = server
        self._wish = wish
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(self.CLIENTS)]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        asked = _Asked(self._server)
        count, due = 0, time.monotonic()
        while not self._ending.is_set():
            count += 1
            text = f"What does plan {number} cost in month {count} for a team of {count % 90} people?"
            asked.ask(text, self._wish)
            due = max(due + self.PAUSE_S, time.monotonic() - 1.0)
            self._ending.wait(max(0.0, due - time.monotonic()))


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
