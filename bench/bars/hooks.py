"""What hooks cost: nothing where there is none, one that does nothing, and one that sleeps beside others.

``none`` compares a gateway without hooks with one whose hooks are another route's. ``request`` and ``event``
look at what one trivial hook adds to a request and to an event. ``sleeping`` looks at requests of a route
without hooks while 1,000 a second go through a hook that sleeps.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from ferrogate.cli.bench.compare import Plan, Tell, compare
from ferrogate.cli.bench.figures import difference_of, ratio_of, select
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.load import JSON, STREAMS, Load, Sample, Scenario, run_load
from ferrogate.cli.bench.servers import start
from ferrogate.cli.bench.tables import comparison, engine_cpu, markdown, notes
from ferrogate.cli.bench.together import Together

from .cache import gateway, provider
from .registry import Pace, Part, Settings, Step, turns
from .report import Bar, Findings, difference_bar, ratio_bar

CODE = """
import time


class Pass:
    def on_request(self, body, context):
        return None


class Watch:
    def on_event(self, event, context):
        return None


class Sleep:
    def on_request(self, body, context):
        time.sleep(0.005)
"""
BATCHES = replace(
    STREAMS,
    name="batches",
    title="streams of 100 chunks of 250 bytes, ten in a write",
    script={**STREAMS.script, "batch": 10},
)
SLEEPING_A_SECOND = 1_000.0
OTHERS_A_SECOND = 200.0


def none(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """CPU of a request that meets no hook, where there are hooks and where there are none."""
    code = _code(lab)
    gateway(
        lab,
        "elsewhere",
        f'models: {{guarded: {{targets: [mock/echo], hooks: ["{code}:Pass"]}}}}\n',
    )
    samples, findings = _turns(lab, settings, tell, ("native", "elsewhere"), JSON)
    for mode, when in (("rate", "at 60 % of the maximum"), ("saturation", "at saturation")):
        ours, theirs = (select(samples, name, JSON.name, mode) for name in ("elsewhere", "native"))
        ratio = ratio_of(ours, theirs, engine_cpu)
        bar = ratio_bar(f"no hook on the route, CPU vs no hooks at all, {when}, engine threads", ratio, None)
        findings.bars.append(bar)
        if ratio is not None:
            inside = ratio.low <= 1.0 <= ratio.high or ratio.median <= 1.0
            name = f"no hook on the route, 1.00 is within the range, {when}"
            findings.bars.append(Bar(name, 0.0 if inside else 1.0, "outside", 0.0))
    return findings


def before(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """CPU of a request beside another build: ``FERROGATE_BEFORE`` is the Python that has it installed."""
    python = os.environ.get("FERROGATE_BEFORE")
    if python is None:
        return Findings(notes=["FERROGATE_BEFORE names no Python with another build"])
    config = lab.folder / "before.yaml"
    config.write_text(provider(lab), encoding="utf-8")
    command = [python, "-m", "ferrogate", "serve", "--port", "0", "--workers", "1"]
    command += ["--data", str(lab.folder / "before-data"), "--config", str(config)]
    lab.add(start("before", command, lab.folder))
    samples, findings = _turns(lab, settings, tell, ("before", "native"), JSON)
    for mode, when in (("rate", "at 60 % of the maximum"), ("saturation", "at saturation")):
        ours, theirs = (select(samples, name, JSON.name, mode) for name in ("native", "before"))
        ratio = ratio_of(ours, theirs, engine_cpu)
        name = f"no hook, CPU vs the build before hooks, {when}, engine threads"
        findings.bars.append(ratio_bar(name, ratio, None))
    return findings


def request(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """CPU that one trivial ``on_request`` adds to a request, in the whole process."""
    return _one(lab, settings, tell, "Pass", JSON, 60.0, "a trivial on_request, CPU more a request")


def event(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """CPU that one trivial ``on_event`` adds to an event, in the whole process."""
    return _one(lab, settings, tell, "Watch", BATCHES, 8.0, "a trivial on_event, CPU more an event")


def _one(
    lab: Lab, settings: Settings, tell: Tell, hook: str, scenario: Scenario, bound: float, name: str
) -> Findings:
    gateway(lab, "hooked", f'hooks: ["{_code(lab)}:{hook}"]\n')
    samples, findings = _turns(lab, settings, tell, ("native", "hooked"), scenario)
    window: Callable[[Sample], float | None] = lambda sample: sample.window_us  # noqa: E731 - two uses, one name
    for mode, when, most in (
        ("rate", "at 60 % of the maximum", bound),
        ("saturation", "at saturation", None),
    ):
        ours, theirs = (select(samples, side, scenario.name, mode) for side in ("hooked", "native"))
        difference = difference_of(ours, theirs, window)
        findings.bars.append(difference_bar(f"{name}, {when}", difference, "µs", most))
    return findings


def _turns(
    lab: Lab, settings: Settings, tell: Tell, servers: tuple[str, ...], scenario: Scenario
) -> tuple[list[Sample], Findings]:
    pace = settings.pace
    plan = Plan(servers, [scenario], pace.rounds, pace.seconds, pace.warmup)
    samples, offered = compare(plan, lab, tell)
    table = markdown(*comparison(samples, scenario, servers, ranges=True))
    found = Findings(samples=samples, offered=offered, notes=notes(samples), tables=[(scenario.title, table)])
    return samples, found


def sleeping(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """Latency of requests without a hook, beside as many others that sleep in one and that do not."""
    pace = settings.pace
    hooked = f'{{use: "{_code(lab)}:Sleep", threads: 8}}'
    server = gateway(
        lab, "sleeping", "models: {plain: {targets: [mock/echo]}, "
        f"sleepy: {{targets: [mock/echo], hooks: [{hooked}]}}}}\n",
    )  # fmt: skip
    others = Load(rate=OTHERS_A_SECOND, duration=pace.seconds, connections=32, model="mock/echo")
    run_load(replace(others, duration=max(pace.warmup, 0.2)), server.url, {}, None)
    seen: dict[str, list[list[dict[str, Any]]]] = {"plain": [], "sleepy": []}
    for number in range(pace.rounds):
        for model in ("plain", "sleepy") if number % 2 == 0 else ("sleepy", "plain"):
            tell(f"hooks: others, round {number + 1} of {pace.rounds}, beside {model}")
            beside = Load(rate=SLEEPING_A_SECOND, duration=pace.seconds, connections=128, model=model)
            with Together([others, beside], server.url) as running:
                seen[model].append(running.reports())
    p99 = {model: [one[0]["latency_us"]["p99"] / 1000 for one in runs] for model, runs in seen.items()}
    more = [ours - theirs for ours, theirs in zip(p99["sleepy"], p99["plain"], strict=True)]
    ranges = {model: f"{min(runs):.2f} to {max(runs):.2f}" for model, runs in p99.items()}
    noise = (max(p99["plain"]) - min(p99["plain"])) if len(p99["plain"]) > 1 else 0.0
    slept = [one[1]["latency_us"]["p50"] / 1000 for one in seen["sleepy"]]
    bars = [
        Bar(
            "others at 200/s, p99 that 1,000/s through a sleeping hook add", median(more), "ms",
            noise or None,
            f"{min(more):.2f} to {max(more):.2f}; beside as many without a hook {ranges['plain']}, "
            f"with it {ranges['sleepy']}; the bar is the range without",
        ),
        Bar("requests through the hook that sleeps 5 ms, p50", median(slept), "ms"),
    ]  # fmt: skip
    pairs = [pair for runs in seen.values() for pair in runs]
    bad = sum(one["requests"]["sent"] - one["requests"]["ok"] for pair in pairs for one in pair)
    bars.append(Bar("failed requests of both", bad, "requests", 0))
    late = sum(one["generator_late"] for pair in pairs for one in pair)
    return Findings(bars=bars, notes=[f"the generator was late in {late} runs"])


def _code(lab: Lab) -> Path:
    path = lab.folder / "company.py"
    path.write_text(CODE, encoding="utf-8")
    return path


_PACE = Pace(rounds=7, seconds=6.0, warmup=2.0)

PART = Part(
    "hooks",
    "Python hooks: where there is none, one that does nothing, one that sleeps",
    {
        "none": Step(none, _PACE, turns(2, modes=2)),
        "before": Step(before, _PACE, turns(2, modes=2)),
        "request": Step(request, _PACE, turns(2, modes=2)),
        "event": Step(event, _PACE, turns(2, modes=2)),
        "sleeping": Step(sleeping, _PACE, turns(2)),
    },
)
