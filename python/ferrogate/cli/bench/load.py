"""One load on one server: what is sent, and what is kept of the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ferrogate.cli.bench.processes import cpu_seconds, wait_idle
from ferrogate.cli.bench.servers import KEY, Server

__all__ = ["JSON", "STREAMS", "Load", "Progress", "Sample", "Scenario", "measure", "run_load", "sample_of"]

Progress = Callable[[dict[str, Any]], None]

ENGINE_THREADS = "fg-engine"
"""Name prefix of the engine's threads; their CPU is the cost of the request path alone."""
MOCK_THREADS = "fg-mock"
BUSY = 0.95


@dataclass(frozen=True)
class Scenario:
    """A kind of traffic.

    ``script`` is the mock's behaviour for the bench's key, ``unit`` what CPU is divided by, ``connections``
    how many are kept busy at saturation, ``messages`` how many share the body (0: turns of 480 bytes). The
    mock repeats the last message where the model's name has ``echo`` in it; for any other its events have
    the scripted size.
    """

    name: str
    title: str
    stream: bool
    unit: str
    body_bytes: int = 600
    connections: int = 16
    messages: int = 0
    model: str = "mock/echo"
    script: Mapping[str, Any] = field(default_factory=dict)


JSON = Scenario("json", "JSON, 0.6 kB bodies", stream=False, unit="request")
STREAMS = Scenario(
    "streams",
    "streams of 100 chunks of 250 bytes, one write each",
    stream=True,
    unit="chunk",
    connections=64,
    model="mock/filler",
    # Above 0 ms between chunks the mock sends every chunk in a write of its own.
    script={"chunks": 100, "chunk_bytes": 250, "chunk_ms": 1},
)


@dataclass(frozen=True)
class Load:
    """What the generator is asked to do; times in seconds, ``rate`` 0 is saturation.

    ``requests`` ends the load after so many; with a rate far above what can be sent they are a burst.
    ``open_first`` opens all connections before the first request is due.
    """

    rate: float
    duration: float
    stream: bool = False
    connections: int = 64
    requests: int = 0
    open_first: bool = False
    warmup: float = 0.0
    timeout: float = 30.0
    drain: float = 10.0
    body_bytes: int = 600
    messages: int = 0
    model: str = "mock/echo"
    path: str = "/v1/chat/completions"
    headers: Mapping[str, str] = field(default_factory=lambda: {"authorization": f"Bearer {KEY}"})
    threads: int = 1

    def options(self, url: str, watch: Mapping[str, list[int]]) -> dict[str, Any]:
        """Put it in the generator's own form."""
        return {
            "target": url,
            "path": self.path,
            "rate": self.rate,
            "duration_s": self.duration,
            "warmup_s": self.warmup,
            "requests": self.requests,
            "connections": max(self.connections, self.threads),
            "open_first": self.open_first,
            "timeout_ms": round(self.timeout * 1000),
            "drain_ms": round(self.drain * 1000),
            "threads": self.threads,
            "stream": self.stream,
            "model": self.model,
            "body_bytes": self.body_bytes,
            "messages": self.messages,
            "headers": dict(self.headers),
            "watch": dict(watch),
        }


def run_load(
    load: Load, url: str, watch: Mapping[str, list[int]], progress: Progress | None
) -> dict[str, Any]:
    """Run one load in this process and return the generator's report. Ctrl-C ends it."""
    from ferrogate.engine.facade import bench_run

    return bench_run(load.options(url, watch), progress)


@dataclass(frozen=True)
class Sample:
    """One measured run, reduced to what is compared. Latency and CPU a unit are microseconds.

    ``cpu_us`` is the whole process from idle to idle; ``window_us`` the whole process, and ``engine_us`` its
    engine threads, inside the generator's window, where CPU is known by thread and to the nanosecond.
    """

    server: str
    scenario: str
    mode: str
    round: int
    offered: float
    throughput: float
    cpu_us: float | None
    window_us: float | None
    engine_us: float | None
    p50_us: int
    p99_us: int
    p999_us: int
    first_byte_p50_us: int
    rss_peak_mb: float | None
    units: int
    bad: int
    generator_late: bool
    mock_busy: bool
    connections_exhausted: bool
    report: dict[str, Any] = field(repr=False)

    def data(self, *, whole: bool = True) -> dict[str, Any]:
        """As JSON; ``whole`` keeps the generator's full report."""
        data = asdict(self)
        if not whole:
            del data["report"]
        return data


def measure(
    name: str,
    server: Server,
    scenario: Scenario,
    load: Load,
    *,
    mode: str,
    number: int = 0,
    settle: bool = True,
    progress: Progress | None = None,
    others: Mapping[str, list[int]] | None = None,
) -> Sample:
    """Run ``load`` from idle to idle and charge all of the server's CPU in between to it.

    With ``settle`` the server's background work is waited for: rows of the log that are written after the
    answer belong to the request as well. ``engine_us`` is of the generator's window alone, read by thread.
    """
    pids = server.pids
    if settle:
        wait_idle(pids)
    before = cpu_seconds(pids)
    report = run_load(load, server.url, {"server": pids, **(others or {})}, progress)
    if settle:
        wait_idle(pids)
    spent = cpu_seconds(pids) - before
    return sample_of(report, name, scenario, mode=mode, number=number, whole_cpu_us=spent * 1e6)


def sample_of(
    report: dict[str, Any],
    server: str,
    scenario: Scenario,
    *,
    mode: str,
    number: int,
    whole_cpu_us: float | None,
) -> Sample:
    """Make a :class:`Sample` of a generator's report and the CPU of the whole process from idle to idle."""
    window, requests, usage = report["window"], report["requests"], report["usage"].get("server")
    throughput = window["throughput"]
    if scenario.stream:
        # A slow server ends none of its streams within a short window, though it sends chunks all the time.
        in_window, units = window["events"], report["totals"]["events"]
        chunks = report["events_per_stream"]["mean"] or scenario.script.get("chunks", 0)
        throughput = (
            window["events"] / chunks / window["seconds"] if chunks and window["seconds"] else throughput
        )
    else:
        in_window, units = window["completed"], report["totals"]["completed"]
    engine = usage["threads"].get(ENGINE_THREADS) if usage else None
    bad = requests["sent"] - requests["ok"] + requests["unsent"]
    return Sample(
        server=server,
        scenario=scenario.name,
        mode=mode,
        round=number,
        offered=report["rate"],
        throughput=throughput,
        cpu_us=whole_cpu_us / units if whole_cpu_us is not None and units else None,
        window_us=usage["cpu_us"] / in_window if usage and in_window else None,
        engine_us=engine["cpu_us"] / in_window if engine and in_window else None,
        p50_us=report["latency_us"]["p50"],
        p99_us=report["latency_us"]["p99"],
        p999_us=report["latency_us"]["p999"],
        first_byte_p50_us=report["first_byte_us"]["p50"],
        rss_peak_mb=usage["rss_peak_kb"] / 1024 if usage else None,
        units=units,
        bad=bad,
        generator_late=report["generator_late"],
        mock_busy=_mock_busy(report),
        connections_exhausted=report["connections_exhausted"],
        report=report,
    )


def _mock_busy(report: dict[str, Any]) -> bool:
    """Tell whether a thread of the mock had no CPU time left, so that it was the mock that was measured."""
    threads = report["usage"].get("mock", {}).get("threads", {}).get(MOCK_THREADS)
    if not threads or not threads["threads"]:
        return False
    return bool(threads["cpu_us"] / threads["threads"] > BUSY * report["window"]["seconds"] * 1e6)
