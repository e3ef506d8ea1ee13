"""``gateway bench compare``: servers that take turns on one mock, so that all meet the same machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ferrogate.cli.bench.figures import offered_rate
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.load import Load, Progress, Sample, Scenario, measure
from ferrogate.cli.bench.servers import KINDS

__all__ = ["WARM_UP", "Plan", "Tell", "compare"]

WARM_UP = "warm-up"
Tell = Callable[[str], Progress | None]
"""Called before each run with what comes; returns who is told its progress."""


@dataclass(frozen=True)
class Plan:
    """What to compare, and for how long. ``rate`` 0: 60 % of the slowest server's maximum, found first."""

    servers: Sequence[str]
    scenarios: Sequence[Scenario]
    rounds: int = 3
    duration: float = 5.0
    warmup: float = 2.0
    rate: float = 0.0
    saturate: bool = True
    workers: int = 1


def compare(plan: Plan, lab: Lab, tell: Tell) -> tuple[list[Sample], dict[str, float]]:
    """Run all of it; returns the samples, and the rate that was offered in each scenario.

    Every server is warmed up and its maximum found first. Then come the rounds at one offered rate, the order
    of servers reversed from round to round, and in each round one run at saturation.
    """
    return _Comparison(plan, lab, tell).run()


class _Comparison:
    def __init__(self, plan: Plan, lab: Lab, tell: Tell) -> None:
        self._plan = plan
        self._lab = lab
        self._tell = tell

    def run(self) -> tuple[list[Sample], dict[str, float]]:
        plan = self._plan
        samples: list[Sample] = []
        rates: dict[str, float] = {}
        for name in plan.servers:
            self._tell(f"starting {name}")
            self._lab.server(name, plan.workers)
        for scenario in plan.scenarios:
            self._lab.script(scenario.script)
            maxima = [self._warm_up(name, scenario) for name in plan.servers]
            rates[scenario.name] = plan.rate or offered_rate(maxima)
            for number in range(plan.rounds):
                samples += self._round(scenario, number, rates[scenario.name])
        return samples, rates

    def _warm_up(self, name: str, scenario: Scenario) -> float:
        """Warm one server up and find the most it answers, in answers a second."""
        progress = self._tell(f"{scenario.name}: warming up {name}")
        load = _load(scenario, 0.0, max(self._plan.warmup, 0.2))
        return self._measure(name, scenario, load, WARM_UP, 0, progress).throughput

    def _round(self, scenario: Scenario, number: int, offered: float) -> list[Sample]:
        plan = self._plan
        order = list(plan.servers) if number % 2 == 0 else list(reversed(plan.servers))
        samples = []
        for mode in ("rate", "saturation") if plan.saturate else ("rate",):
            rate = offered if mode == "rate" else 0.0
            for name in order:
                text = f"{scenario.name}: round {number + 1} of {plan.rounds}, {name}"
                progress = self._tell(f"{text} at {rate:g}/s" if rate else f"{text} at saturation")
                load = _load(scenario, rate, plan.duration)
                samples.append(self._measure(name, scenario, load, mode, number, progress))
        return samples

    def _measure(
        self, name: str, scenario: Scenario, load: Load, mode: str, number: int, progress: Progress | None
    ) -> Sample:
        sample = measure(
            name,
            self._lab.server(name, self._plan.workers),
            scenario,
            load,
            mode=mode,
            number=number,
            settle=mode != WARM_UP and name in KINDS,
            progress=progress,
            others={"mock": self._lab.mock.pids},
        )
        if sample.report["cancelled"]:
            raise KeyboardInterrupt
        return sample


def _load(scenario: Scenario, rate: float, seconds: float) -> Load:
    load = Load(
        rate=rate,
        duration=seconds,
        stream=scenario.stream,
        body_bytes=scenario.body_bytes,
        messages=scenario.messages,
        model=scenario.model,
    )
    # A fixed rate is bounded by the schedule; spare connections keep a slow moment from becoming a queue.
    return replace(load, connections=scenario.connections if rate == 0 else max(64, 4 * scenario.connections))
