"""A scenario of the simulation as something that a mock, a gateway and a load can play.

What waits are (first tokens, tokens, failures, timeouts, patience) is a fifth of the scenario's own; when
something happens is scaled so that the whole fits the time that was asked for. The gateway's own constants
are not scaled. So what a promise counts from one moment on, a recovery or a new lane, gets its real seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ferrogate.cli.bench.load import Load

__all__ = ["CONNECTIONS", "WAITS", "Act", "Play", "configuration", "key_of", "loads", "name_of", "stage"]

WAITS = 0.2
"""How long a wait is, in times of the scenario's own."""
SIMULATED_RATE = 40.0
"""Requests a second of most scenarios; the others keep their proportion to it."""
AFTER = {"recovers": 42.0, "joins": 21.0, "fails_fast": 10.0}
"""Real seconds that the run lasts after the watched moment, at least."""
FIRST_TOKEN, DEADLINE, PATIENCE = 10.0, 30.0, 3.0
"""Of the simulation: bounds of a request, and the time within which a client leaves."""
TOKENS_A_CHUNK = 20
FOR_EVER_MS = 600_000
CONNECTIONS = 1024


@dataclass(frozen=True)
class Act:
    """At so many seconds a lane behaves by a script of the mock; ``joins`` adds it to the gateway first."""

    at: float
    lane: int
    script: Mapping[str, Any]
    joins: bool = False


@dataclass(frozen=True)
class Play:
    """One scenario, staged. Times are real seconds; ``watched_at`` is when what is watched begins."""

    name: str
    weights: tuple[float, ...]
    rate: float
    seconds: float
    acts: tuple[Act, ...]
    tokens: tuple[int, ...]
    cancels: float
    watch: Mapping[str, Any] = field(default_factory=dict)
    watched_at: float = 0.0

    @property
    def present(self) -> list[int]:
        """Lanes that are configured from the start."""
        joining = {act.lane for act in self.acts if act.joins}
        return [lane for lane in range(len(self.weights)) if lane not in joining]


def stage(scenario: Mapping[str, Any], duration: float, rate: float) -> Play:
    """Fit a scenario of the simulation into ``duration`` seconds at ``rate`` requests a second."""
    pace = duration / scenario["lasts"]
    times = rate / SIMULATED_RATE
    acts = []
    for number, lane in enumerate(scenario["lanes"]):
        for since, behaviour in lane["phases"]:
            at = max(since, lane["joins"]) * pace
            script = script_of(behaviour, lane["limit"], times)
            acts.append(Act(at, number, script, joins=lane["joins"] > 0 and since <= lane["joins"]))
    watch = scenario["watch"] or {}
    moment = watch.get("at", watch.get("from", 0.0)) * pace
    return Play(
        name=scenario["name"],
        weights=tuple(lane["weight"] for lane in scenario["lanes"]),
        rate=scenario["rate"] * times,
        seconds=max(duration, moment + AFTER.get(watch.get("kind", ""), 0.0)),
        acts=tuple(sorted(acts, key=lambda act: (act.at, act.lane))),
        tokens=tuple(scenario["tokens"]),
        cancels=scenario["cancels"],
        watch=watch,
        watched_at=moment,
    )


def script_of(behaviour: Mapping[str, Any], limit: Mapping[str, Any] | None, times: float) -> dict[str, Any]:
    """Write one lane's behaviour as the mock takes it.

    The mock waits as long before an error as before the headers of an answer, so where a lane fails its
    headers come when its failures do, and the first token at its own time.
    """
    early = behaviour["fails_after"] if behaviour["fails"] else 0.0
    script: dict[str, Any] = {
        "delay_ms": _ms(early),
        "ttft_ms": FOR_EVER_MS if behaviour["hangs"] else _ms(max(0.0, behaviour["ttft"] - early)),
        "ttft_spread": behaviour["sigma"],
        "chunk_ms": _ms(behaviour["per_token"] * TOKENS_A_CHUNK),
    }
    if behaviour["fails"]:
        script |= {"error_rate": behaviour["fails"], "status": 503}
    if limit:
        script |= {"rate_limit_rps": limit["rate"] * times, "limit_silent": not limit["says"]}
    return script


def loads(play: Play) -> list[Load]:
    """One generator for each length of answer, and where clients leave, for each of three times to do so."""
    patience = [PATIENCE * WAITS * part for part in (1 / 6, 3 / 6, 5 / 6)] if play.cancels else []
    kinds = [(1.0 - play.cancels, 60.0), *((play.cancels / len(patience), wait) for wait in patience)]
    return [
        Load(
            rate=play.rate / len(play.tokens) * share,
            duration=play.seconds,
            stream=True,
            connections=CONNECTIONS,
            timeout=timeout,
            drain=60.0,
            model="mock/filler",
            headers={
                "x-mock-chunks": str(max(1, tokens // TOKENS_A_CHUNK)),
                "x-mock-usage": f"100,{tokens}",
            },
        )
        for tokens in play.tokens
        for share, timeout in kinds
    ]


def configuration(play: Play, mock: str) -> str:
    """gateway.yaml of the lanes that are there from the start.

    Without affinity: the load's requests are alike, so all of them would be one conversation.
    """
    keys = "\n".join(
        f"      - {{name: {name_of(lane)}, value: {key_of(lane)}, weight: {play.weights[lane]}}}"
        for lane in play.present
    )
    first, deadline = FIRST_TOKEN * WAITS, DEADLINE * WAITS
    return (
        f'providers:\n  mock:\n    kind: mock\n    base_url: "{mock}/v1"\n    keys:\n{keys}\n'
        f"timeouts: {{headers: {first:g}s, idle: {first:g}s, deadline: {deadline:g}s}}\n"
        "affinity: false\nlog: {payloads: false}\n"
    )


def name_of(lane: int) -> str:
    """What the gateway and its log call a lane's key."""
    return f"lane-{lane}"


def key_of(lane: int) -> str:
    """The key itself, by which the mock knows the lane."""
    return f"sk-bench-balance-{lane}"


def _ms(seconds: float) -> float:
    return round(seconds * WAITS * 1000, 3)
