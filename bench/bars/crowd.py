"""Very many streams at once: that all of them end, how long they take, and what they leave in memory.

Each server has a mock of its own: loopback connections to one port run out when those of earlier runs linger.
A proxied stream takes two file descriptors of the proxy and one each of the generator and the mock, which are
processes of their own, so the limit on open files of the proxy is what bounds the crowd.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ferrogate.cli.bench import servers
from ferrogate.cli.bench.compare import Tell
from ferrogate.cli.bench.figures import median_of, ratio_of, select
from ferrogate.cli.bench.lab import Lab, lab
from ferrogate.cli.bench.load import Load, Sample
from ferrogate.cli.bench.processes import memory_bytes, raise_file_limit, wait_idle
from ferrogate.cli.bench.servers import Server
from ferrogate.cli.bench.tables import markdown, notes

from .registry import Pace, Part, Settings, Step
from .report import Bar, Findings, ratio_bar
from .runs import MB, ask, paced_streams, peak_mb, run_one

NATIVE_STREAMS, UVICORN_STREAMS, QUICK_STREAMS = 9000, 1000, 200
RAMP_S = 3.0
"""The streams start evenly within it; they are longer, so that all are open together."""
SPARE_FILES = 1000
REST_S, QUICK_REST_S = 60.0, 3.0
PATIENCE_S = 150.0
NAME = "crowd"


def native(_: Lab, settings: Settings, tell: Tell) -> Findings:
    """nginx and native in turns; the last gateway is watched for a minute after its streams have ended."""
    streams = min(
        QUICK_STREAMS if settings.quick else NATIVE_STREAMS, (raise_file_limit() - SPARE_FILES) // 2
    )
    begin: dict[str, Callable[[Lab], Server]] = {
        "nginx": lambda room: servers.start_nginx(room.folder, room.mock.url, streams + SPARE_FILES),
        "native": lambda room: servers.start_gateway("native", room.folder, room.mock.url),
    }
    samples: list[Sample] = []
    idle = rested = None
    for number in range(settings.pace.rounds):
        for name in begin if number % 2 == 0 else reversed(begin):
            last = name == "native" and number == settings.pace.rounds - 1
            rest = (QUICK_REST_S if settings.quick else REST_S) if last else 0.0
            sample, before, after = _crowd(begin[name], streams, settings, number, rest, tell)
            samples.append(sample)
            if last:
                idle, rested = before, after
    sides = {name: select(samples, name, NAME, "rate") for name in begin}
    what = f"native, {streams:,} streams of an event each 50 ms"
    ratio = ratio_of(sides["native"], sides["nginx"], _finished)
    findings = Findings(samples=samples, notes=notes(samples) + _doubts(samples, streams))
    findings.bars = [
        _lost(what, sides["native"]),
        ratio_bar(f"{what}, time until the last has ended vs nginx", ratio, 1.3),
        Bar(f"{what}, peak memory", _highest(sides["native"]), "MB", 600.0),
    ]
    if idle and rested:
        detail = f"{idle / MB:.0f} MB before, {rested / MB:.0f} MB after"
        findings.bars.append(Bar(f"{what}, memory a minute later vs idle", rested / idle, "x", 1.5, detail))
    findings.tables.append((f"{streams:,} streams, one event each 50 ms", _table(sides)))
    if not settings.quick and streams < NATIVE_STREAMS:
        findings.notes.append(f"the limit on open files leaves {streams:,} of {NATIVE_STREAMS:,} streams")
        findings.failed = True
    return findings


def uvicorn(_: Lab, settings: Settings, tell: Tell) -> Findings:
    """The same with a thousand streams on the uvicorn door, without a partner."""
    streams = QUICK_STREAMS if settings.quick else UVICORN_STREAMS

    def begin(room: Lab) -> Server:
        return servers.start_gateway("uvicorn", room.folder, room.mock.url)

    sample, _, _ = _crowd(begin, streams, settings, 0, 0.0, tell)
    what = f"uvicorn door, {streams:,} streams of an event each 50 ms"
    return Findings(
        bars=[_lost(what, [sample]), Bar(f"{what}, peak memory", _highest([sample]), "MB", 250.0)],
        samples=[sample],
        tables=[(f"{streams:,} streams, one event each 50 ms", _table({"uvicorn": [sample]}))],
        notes=notes([sample]) + _doubts([sample], streams),
    )


def _crowd(
    begin: Callable[[Lab], Server], streams: int, settings: Settings, number: int, rest: float, tell: Tell
) -> tuple[Sample, int, int]:
    """One crowd on a fresh server; its resident memory when idle before, and after ``rest`` seconds."""
    scenario = paced_streams(NAME, "streams", settings.pace.seconds)
    ramp = min(RAMP_S, settings.pace.seconds / 2)
    with lab() as room:
        server = room.add(begin(room))
        room.script(scenario.script)
        ask(server.url)
        wait_idle(server.pids)
        before = memory_bytes(server.pids)[0]
        load = Load(
            rate=streams / ramp,
            duration=settings.pace.seconds + PATIENCE_S,
            stream=True,
            model=scenario.model,
            connections=streams,
            requests=streams,
            open_first=True,
            timeout=settings.pace.seconds + PATIENCE_S,
        )
        sample = run_one(room, server.name, server, scenario, load, tell, number=number)
        if rest:
            tell(f"crowd: {rest:g} s of rest")
            time.sleep(rest)
        return sample, before, memory_bytes(server.pids)[0]


def _finished(sample: Sample) -> float:
    return float(sample.report["finished_us"])


def _highest(samples: list[Sample]) -> float | None:
    """The most memory that any of the servers held at any time, in MB."""
    return max((peak for sample in samples if (peak := peak_mb(sample))), default=None)


def _lost(what: str, samples: list[Sample]) -> Bar:
    total = sum(sample.report["requests"]["sent"] for sample in samples)
    return Bar(f"{what}, not complete", sum(sample.bad for sample in samples), "streams", 0, f"of {total:,}")


def _doubts(samples: list[Sample], streams: int) -> list[str]:
    most = {sample.server: sample.report["most_in_flight"] for sample in samples}
    return [
        f"{name}: at most {seen:,} of the streams were open at once"
        for name, seen in most.items()
        if seen < streams
    ]


def _table(sides: dict[str, list[Sample]]) -> str:
    rows = []
    for name, side in sides.items():
        values = [
            median_of(side, lambda sample: _finished(sample) / 1e6),
            median_of(side, lambda sample: sample.report["first_byte_us"]["p50"] / 1000),
            median_of(side, lambda sample: sample.report["first_byte_us"]["p99"] / 1000),
            median_of(side, lambda sample: sample.report["gap_us"]["p99"] / 1000),
            median_of(side, lambda sample: sample.cpu_us),
            _highest(side),
        ]
        texts = ["-" if value is None else f"{value:,.1f}" for value in values]
        rows.append([name, *texts, f"{sum(sample.bad for sample in side):,}"])
    header = ["server", "until the last ended s", "first event p50 ms", "p99 ms", "between reads p99 ms"]
    return markdown([*header, "µs a chunk", "peak MB", "not complete"], rows)


_PACE = Pace(rounds=3, seconds=10.0, warmup=0.0)

PART = Part(
    "crowd",
    "9,000 concurrent streams on the native door, 1,000 on the uvicorn door, 1,000 stalled readers",
    {
        "native": Step(native, _PACE, lambda pace: 65 + pace.rounds * 2 * (3 * pace.seconds + 8)),
        "uvicorn": Step(uvicorn, Pace(1, 10.0, 0.0), lambda pace: 10 + 2 * pace.seconds),
    },
)
