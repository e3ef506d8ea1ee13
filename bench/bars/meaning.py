"""What hits by meaning cost, whom they wait for, and who waits for them.

``hits`` asks other wordings one after the other and takes the time of the embedder off. ``gil`` does so while
Python threads of the same process are busy. ``others`` looks at requests that want nothing of it, while
questions go through the embedder or around it. They need the weights of all-MiniLM-L6-v2: a package has them,
or ``FERROGATE_WEIGHTS`` names their folder.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx

from ferrogate.cli.bench.compare import Tell
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.load import Load, run_load
from ferrogate.cli.bench.servers import KEY, Server, start
from ferrogate.engine.semantic import Embedder, weights_folder

from .cache import gateway, provider, stats
from .registry import Pace, Part, Settings, Step, turns
from .report import Bar, Findings

OTHERS_A_SECOND = 500.0
THIRTEEN = "How do I reset the password of my account when I lost it?"
"""A question of 13 words, the length that the embedder is measured at."""
MARKS = ("?", "!", ".", "??", "!!", "...")
"""Final punctuation is another request and the same question."""


def hits(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """What a hit by meaning takes beyond the embedding of its question."""
    pace = settings.pace
    weights = _weights()
    server = gateway(lab, "meaning", _semantic(weights))
    embedder = Embedder(weights)
    asked = _Asked(server)
    assert asked.ask(THIRTEEN).cache == "miss"
    took: list[float] = []
    alone: list[float] = []
    for number in range(pace.rounds):
        tell(f"meaning: hits by meaning, round {number + 1} of {pace.rounds}")
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


_SPINNING = """
import sys, threading
from ferrogate.cli import main

def spin():
    while True:
        pass

for _ in range({threads}):
    threading.Thread(target=spin, daemon=True).start()
sys.argv = ["gateway", "serve", "--port", "0", "--workers", "1", "--data", {data!r}, "--config", {config!r}]
main()
"""


def gil(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """Hits by meaning while two Python threads of the same process never let go of the GIL by themselves."""
    pace = settings.pace
    seen: dict[str, list[float]] = {}
    for name, threads in (("free", 0), ("held", 2)):
        config = lab.folder / f"{name}.yaml"
        config.write_text(provider(lab) + _semantic(_weights()), encoding="utf-8")
        code = _SPINNING.format(threads=threads, data=str(lab.folder / f"{name}-data"), config=str(config))
        server = lab.add(start(name, [sys.executable, "-c", code], lab.folder, patience=120.0))
        seen[name] = []
        asked = _Asked(server)
        asked.ask(THIRTEEN)
        tell(f"meaning: hits by meaning, the GIL {name}")
        end = time.monotonic() + pace.seconds * pace.rounds
        while time.monotonic() < end:
            hit = asked.ask(THIRTEEN + MARKS[1 + len(seen[name]) % (len(MARKS) - 1)])
            if hit.cache != "hit-semantic":
                return Findings(notes=[f"it was a {hit.cache}"], failed=True)
            seen[name].append(hit.gateway_ms)
        lab.stop(name)
    medians = {name: median(times) for name, times in seen.items()}
    quantile = {name: f"p90 {quantiles(times, n=10)[8]:.2f}" for name, times in seen.items()}
    return Findings(
        bars=[
            Bar("hit by meaning, GIL free, median", medians["free"], "ms", None, quantile["free"]),
            Bar(
                "hit by meaning, two busy Python threads, median",
                medians["held"],
                "ms",
                None,
                quantile["held"],
            ),
            # Whoever waits for the GIL waits for a switch interval of 5 ms at least.
            Bar("what two busy Python threads add, median", medians["held"] - medians["free"], "ms", 5.0),
        ]
    )


def others(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """Latency of proxied requests at a rate, beside others that go through the embedder or around it."""
    pace = settings.pace
    server = gateway(lab, "busy", _semantic(_weights()))
    load = Load(rate=OTHERS_A_SECOND, duration=pace.seconds, connections=64, model="mock/echo")
    run_load(replace(load, duration=max(pace.warmup, 0.2)), server.url, {}, None)
    seen: dict[str, list[dict[str, Any]]] = {"idle": [], "full": []}
    for number in range(pace.rounds):
        for state in ("idle", "full") if number % 2 == 0 else ("full", "idle"):
            tell(f"meaning: others, round {number + 1} of {pace.rounds}, embedder {state}")
            with _Flood(server, "semantic" if state == "full" else "off"):
                seen[state].append(run_load(load, server.url, {}, None))
    p99 = {state: [one["latency_us"]["p99"] / 1000 for one in runs] for state, runs in seen.items()}
    p50 = {state: median(one["latency_us"]["p50"] / 1000 for one in runs) for state, runs in seen.items()}
    more = [full - idle for full, idle in zip(p99["full"], p99["idle"], strict=True)]
    ranges = {state: f"{min(runs):.2f} to {max(runs):.2f}" for state, runs in p99.items()}
    counted = stats(server)["semantic"]
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


def _weights() -> Path:
    named = os.environ.get("FERROGATE_WEIGHTS")
    return weights_folder(Path(named) if named else None)


def _p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100)[98] if len(values) > 1 else values[0]


_PACE = Pace(rounds=5, seconds=8.0, warmup=2.0)

PART = Part(
    "meaning",
    "hits by meaning: what they take beyond the embedding, and what the embedder does to others",
    {
        "hits": Step(hits, _PACE, turns(1)),
        "gil": Step(gil, _PACE, turns(2)),
        "others": Step(others, _PACE, turns(2)),
    },
)
