"""The primary provider is down: what clients of an alias see, and what the fallback costs.

Two providers stand behind an alias, each a mock in a process of its own. Once the primary is down, by a port
that nobody listens on or by a 500 after 5 ms, 10,000 requests come at 500 a second, half of them streams.
Beside that, in turns: the same load with the primary healthy, and on a gateway that has only the secondary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

import httpx

from ferrogate.cli.bench.compare import Tell
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.load import Load
from ferrogate.cli.bench.servers import Server, free_port, start_gateway, start_mock
from ferrogate.cli.bench.tables import markdown
from ferrogate.cli.bench.together import Together

from .registry import Pace, Part, Run, Settings, Step
from .report import Bar, Findings

RATE = 500.0
DETECTION_S = 2.0
"""Of each run, from the failure on: errors count in it, latencies do not."""
BOUND_MS = 5.0
PRIMARY_KEY, SECONDARY_KEY = "sk-bench-primary", "sk-bench-secondary"
ANSWER = {"chunks": 5, "chunk_bytes": 250}
RUNS = ("healthy", "down", "alone")
ORDERS = (RUNS, ("alone", "healthy", "down"))
"""Of even and odd rounds: the gateway sees the primary healthy before each failure, and detects each anew."""
FIGURES = ("JSON", "streams", "first events")


@dataclass(frozen=True)
class Secondary:
    """What the fallback speaks: its kind, where its API is on the mock, and a model."""

    kind: str
    base: str
    model: str


OPENAI = Secondary("openai-compatible", "/v1", "filler")
ANTHROPIC = Secondary("anthropic", "/anthropic/v1", "claude-haiku-4-5")


@dataclass(frozen=True)
class Seen:
    """What clients saw of one run: errors by name, p99 after the detection in milliseconds.

    ``tried`` is how many attempts each provider got.
    """

    requests: int
    errors: Mapping[str, int]
    p99_ms: Mapping[str, float]
    tried: Mapping[str, int]
    generator_late: bool


class Primary:
    """The primary's mock, which is stopped and started again on one port."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._port = free_port()
        self._server: Server | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    def heal(self) -> None:
        """Answer as the secondary does."""
        if self._server is None:
            server = start_mock(self._lab.folder, "--no-record", name="primary", port=self._port)
            self._server = self._lab.add(server)
        self._lab.script(ANSWER, PRIMARY_KEY, at=self.url)

    def fail(self) -> None:
        """Answer 500 after 5 ms."""
        self._lab.script({"status": 500, "delay_ms": 5}, PRIMARY_KEY, at=self.url)

    def vanish(self) -> None:
        """Leave the port, so that connections are refused."""
        if self._server is not None:
            self._lab.stop(self._server.name)
            self._server = None


def down(how: Callable[[Primary], None], words: str, secondary: Secondary) -> Run:
    """Measure with a primary that is down in that way; ``words`` say it in the bars."""

    def run(lab: Lab, settings: Settings, tell: Tell) -> Findings:
        pace = settings.pace
        primary = Primary(lab)
        primary.heal()
        lab.script(ANSWER, SECONDARY_KEY)
        both = _gateway(lab, "both", primary.url, secondary)
        alone = _gateway(lab, "alone", None, secondary)
        seen: dict[str, list[Seen]] = {name: [] for name in RUNS}
        for server in (both, alone):
            tell(f"balance: warming up {server.name}")
            measure(server, max(pace.warmup, 0.2))
        for number in range(pace.rounds):
            for name in ORDERS[number % 2]:
                tell(f"balance: round {number + 1} of {pace.rounds}, {name}")
                if name == "down":
                    how(primary)
                seen[name].append(measure(alone if name == "alone" else both, pace.seconds))
                primary.heal()
        return found(seen, words)

    return run


def measure(server: Server, seconds: float) -> Seen:
    """Half JSON, half streams: first the detection, then what the p99 is taken of."""
    detection = min(DETECTION_S, seconds / 2)
    asked = Load(rate=RATE / 2, duration=detection, model="chat", connections=256, headers={})
    before = attempts(server)
    early = _together(server, asked)
    late = _together(server, replace(asked, duration=seconds - detection))
    answers, streams = late
    reports = [*early, *late]
    after = attempts(server)
    return Seen(
        requests=sum(report["requests"]["sent"] for report in reports),
        errors=errors_of(reports),
        p99_ms={
            "JSON": answers["latency_us"]["p99"] / 1000,
            "streams": streams["latency_us"]["p99"] / 1000,
            "first events": streams["first_byte_us"]["p99"] / 1000,
        },
        tried={provider: count - before.get(provider, 0) for provider, count in after.items()},
        generator_late=any(report["generator_late"] for report in reports),
    )


def attempts(server: Server) -> dict[str, int]:
    """How many attempts each provider has got since the gateway started."""
    lanes = httpx.get(f"{server.url}/api/v1/lanes", trust_env=False, timeout=30.0)
    lanes.raise_for_status()
    counts: dict[str, int] = {}
    for lane in lanes.json()["items"]:
        counts[lane["provider"]] = counts.get(lane["provider"], 0) + lane["requests"]
    return counts


def errors_of(reports: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Count what was not answered as it should: by status, by kind of failure, or never."""
    errors: dict[str, int] = {}
    for report in reports:
        bad = {status: count for status, count in report["statuses"].items() if int(status) >= 300}
        lost = report["requests"]["unsent"] + report["requests"]["unfinished"]
        for name, count in {**bad, **report["errors"], "unanswered": lost}.items():
            if count:
                errors[name] = errors.get(name, 0) + count
        missed = report["requests"]["answered"] - report["requests"]["ok"] - sum(bad.values())
        if missed > 0:
            errors["incomplete"] = errors.get("incomplete", 0) + missed
    return errors


def found(seen: Mapping[str, Sequence[Seen]], words: str) -> Findings:
    """Bars and a table from the runs of all rounds."""
    failed = seen["down"]
    errors = sum(sum(one.errors.values()) for one in failed)
    detail = f"{sum(one.requests for one in failed):,} requests in {len(failed)} rounds"
    bars = [Bar(f"{words}, errors seen by clients", errors, "errors", 0, detail)]
    detections = [one.tried.get("primary", 0) for one in failed]
    bars.append(Bar(f"{words}, attempts that it got", median(detections), "attempts", None, "in a run"))
    for figure in FIGURES:
        for name, state, bound in (("down", words, BOUND_MS), ("healthy", f"before: {words}", None)):
            pairs = zip(seen[name], seen["alone"], strict=True)
            more = [one.p99_ms[figure] - other.p99_ms[figure] for one, other in pairs]
            spread = f"{min(more):.2f} to {max(more):.2f} in {len(more)} pairs"
            text = f"{state}, {figure}: p99 above the secondary's alone"
            bars.append(Bar(text, median(more), "ms", bound, spread))
    rows = [
        [name, *(f"{median(one.p99_ms[figure] for one in seen[name]):.2f}" for figure in FIGURES)]
        for name in RUNS
    ]
    table = markdown(["", *(f"{figure}, p99 ms" for figure in FIGURES)], rows)
    notes = [
        f"{name}, round {number + 1}: {dict(one.errors)}"
        for name in RUNS
        for number, one in enumerate(seen[name])
        if one.errors
    ]
    # Where the primary was not asked, nothing failed; where it was not asked most, it was not healthy.
    healthy = all(one.tried.get("primary", 0) > one.requests / 2 for one in seen["healthy"])
    asked = healthy and min(detections) > 0
    if not asked:
        notes.append("the primary was not asked as it should: these figures are of something else")
    late = sum(one.generator_late for runs in seen.values() for one in runs)
    if late:
        notes.append(f"the generator itself was late in {late} of {len(RUNS) * len(failed)} runs")
    title = f"{words}: {RATE:g} requests/s, half of them streams, after the first {DETECTION_S:g} s"
    facts = {words: {name: [asdict(one) for one in runs] for name, runs in seen.items()}}
    return Findings(bars=bars, tables=[(title, table)], notes=notes, facts=facts, failed=not asked)


def _together(server: Server, asked: Load) -> list[dict[str, Any]]:
    with Together([asked, replace(asked, stream=True)], server.url) as running:
        return running.reports()


def _gateway(lab: Lab, name: str, primary: str | None, secondary: Secondary) -> Server:
    lines = [
        "providers:",
        f'  secondary: {{kind: {secondary.kind}, base_url: "{lab.mock.url}{secondary.base}",',
        f"    keys: [{{name: spare, value: {SECONDARY_KEY}}}]}}",
    ]
    targets = [f"secondary/{secondary.model}"]
    if primary is not None:
        targets.insert(0, "primary/filler")
        lines += [
            f'  primary: {{kind: openai-compatible, base_url: "{primary}/v1",',
            f"    keys: [{{name: main, value: {PRIMARY_KEY}}}]}}",
        ]
    lines.append(f"models: {{chat: {{targets: [{', '.join(targets)}]}}}}")
    text = "\n".join(lines) + "\n"
    return lab.add(start_gateway("native", lab.folder, lab.mock.url, name=name, configuration=text))


def _step(how: Callable[[Primary], None], words: str, secondary: Secondary) -> Step:
    return Step(
        down(how, words, secondary),
        Pace(rounds=3, seconds=20.0, warmup=3.0),
        lambda pace: 10.0 + 2 * pace.warmup + pace.rounds * len(RUNS) * (pace.seconds + 1.0),
    )


PART = Part(
    "balance",
    "a primary provider that is down: errors of clients, and added latency",
    {
        "refused": _step(Primary.vanish, "primary refuses connections", OPENAI),
        "failing": _step(Primary.fail, "primary answers 500", OPENAI),
        "refused-anthropic": _step(
            Primary.vanish, "primary refuses connections, Anthropic behind it", ANTHROPIC
        ),
        "failing-anthropic": _step(Primary.fail, "primary answers 500, Anthropic behind it", ANTHROPIC),
    },
)
