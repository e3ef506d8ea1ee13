"""All doors, nginx, the mock alone and the installed peers, one after the other, on a provider of 200 ms.

A server that cannot keep up is not spared: requests keep coming at their rate, what finds no connection is
counted as unsent, and the run ends in its time. Each server is fresh and alone, so peak memory is its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.peers import PEERS, Running

from ferrogate.cli.bench.compare import WARM_UP, Tell
from ferrogate.cli.bench.figures import median_of, select
from ferrogate.cli.bench.lab import SERVERS, Lab
from ferrogate.cli.bench.load import Load, Sample, Scenario
from ferrogate.cli.bench.servers import KEY, ServerError
from ferrogate.cli.bench.tables import markdown, notes

from .chart import Panel, chart
from .registry import Pace, Part, Run, Settings, Step
from .report import Bar, Findings, in_short
from .runs import peak_mb, run_one

RATE = 500.0
CONNECTIONS = 1000
"""Ten times what 200 ms need at this rate; more would only lengthen the queue of one that falls behind."""
WARM_CONNECTIONS = 4
DRAIN_S = 10.0
MOCK_MS = 200
LEAST_TIMES = 200.0

JSON = Scenario(
    "peers-json",
    "JSON, 0.6 kB bodies",
    stream=False,
    unit="request",
    model="echo",
    script={"delay_ms": MOCK_MS},
)
STREAMS = Scenario(
    "peers-streams",
    "streams of 20 chunks of 250 bytes, 20 ms apart",
    stream=True,
    unit="chunk",
    model="filler",
    script={"delay_ms": MOCK_MS, "chunks": 20, "chunk_bytes": 250, "chunk_ms": 20},
)


@dataclass(frozen=True)
class Row:
    """One server's figures: medians over the rounds. Milliseconds, microseconds a request, MB."""

    name: str
    p50: float | None
    p99: float | None
    p999: float | None
    first: float | None
    ok: int
    wrong: int
    unsent: int
    cpu: float | None
    process: float | None
    peak: float | None


def side_by_side(scenario: Scenario) -> Run:
    def run(lab: Lab, settings: Settings, tell: Tell) -> Findings:
        samples: list[Sample] = []
        versions: dict[str, str] = {}
        missed: list[str] = []
        for number in range(settings.pace.rounds):
            names = [*SERVERS, *PEERS]
            for name in names if number % 2 == 0 else reversed(names):
                try:
                    samples.append(_measure(lab, name, scenario, settings, number, tell, versions))
                except ServerError as error:
                    missed.append(f"{name} was not measured: {in_short(error)}")
        rows = [row_of(name, select(samples, name, scenario.name, "rate")) for name in (*SERVERS, *PEERS)]
        offered = f"{RATE:g}/s offered for {settings.pace.seconds:g} s"
        title = f"{scenario.title}, {offered}, a provider of {MOCK_MS} ms"
        installed = ", ".join(f"{name} {version}" for name, version in versions.items())
        picture = chart(title, panels(rows), f"logarithmic; {installed}" if installed else "logarithmic")
        return Findings(
            bars=[times_bar(rows, scenario), *beside_nginx(rows, scenario)],
            samples=samples,
            tables=[(title, table(rows, stream=scenario.stream))],
            notes=[*missed, *notes(samples), *(f"{name}: version {v}" for name, v in versions.items())],
            offered={scenario.name: RATE},
            charts={scenario.name: picture},
            facts={"peers": versions},
            failed=bool(missed),
        )

    return run


def _measure(
    lab: Lab,
    name: str,
    scenario: Scenario,
    settings: Settings,
    number: int,
    tell: Tell,
    versions: dict[str, str],
) -> Sample:
    """Start one server, warm it up, measure it, end it."""
    tell(f"{scenario.name}: starting {name}")
    if name in PEERS:
        peer = PEERS[name]
        running = peer.start(lab.folder, lab.mock.url)
        lab.add(running.server)
        versions[name] = peer.version()
        model = scenario.model
    else:
        running = Running(lab.server(name), {"authorization": f"Bearer {KEY}"})
        model = f"mock/{scenario.model}"
    load = Load(
        rate=RATE,
        duration=settings.pace.seconds,
        stream=scenario.stream,
        model=model,
        connections=CONNECTIONS,
        drain=DRAIN_S,
        headers=running.headers,
        path=running.path,
    )
    try:
        lab.script(scenario.script)
        if settings.pace.warmup:
            warm = replace(load, rate=0.0, duration=settings.pace.warmup, connections=WARM_CONNECTIONS)
            run_one(lab, name, running.server, scenario, warm, tell, mode=WARM_UP, number=number)
        return run_one(lab, name, running.server, scenario, load, tell, number=number)
    finally:
        if name != "direct":
            lab.stop(name)


def row_of(name: str, samples: list[Sample]) -> Row:
    """Medians over the rounds; counts are sums."""
    requests = [sample.report["requests"] for sample in samples]
    return Row(
        name,
        p50=median_of(samples, lambda sample: _known(sample, sample.p50_us)),
        p99=median_of(samples, lambda sample: _known(sample, sample.p99_us)),
        p999=median_of(samples, lambda sample: _known(sample, sample.p999_us)),
        first=median_of(samples, lambda sample: _known(sample, sample.first_byte_p50_us)),
        ok=sum(each["ok"] for each in requests),
        wrong=sum(each["sent"] - each["ok"] for each in requests),
        unsent=sum(each["unsent"] for each in requests),
        cpu=median_of(samples, cpu_a_request),
        process=median_of(samples, whole_cpu_a_request),
        peak=median_of(samples, peak_mb),
    )


def _known(sample: Sample, micros: int) -> float | None:
    """Milliseconds; None where no request was answered as it should, for whom there is no latency."""
    return micros / 1000 if sample.report["requests"]["ok"] else None


def cpu_a_request(sample: Sample) -> float | None:
    """CPU inside the window by good answers inside the window; streams are counted by their events."""
    usage, seconds = sample.report["usage"].get("server"), sample.report["window"]["seconds"]
    good = sample.throughput * seconds * _good(sample.report["requests"])
    return usage["cpu_us"] / good if usage and good else None


def whole_cpu_a_request(sample: Sample) -> float | None:
    """CPU of the whole process from idle to idle, by request."""
    if sample.cpu_us is None:
        return None
    each = sample.report["events_per_stream"]["mean"] if sample.report["stream"] else 1
    good = _good(sample.report["requests"])
    return sample.cpu_us * each / good if each and good else None


def _good(requests: Mapping[str, int]) -> float:
    """The share of whole answers that are as they should be: an error costs less than an answer."""
    return requests["ok"] / requests["answered"] if requests["answered"] else 0.0


def times_bar(rows: list[Row], scenario: Scenario) -> Bar:
    """How many times native's whole process LiteLLM costs; its own window is what charges it least."""
    by_name = {row.name: row for row in rows}
    theirs, ours = by_name["litellm"].cpu, by_name["native"].process
    value = theirs / ours if theirs and ours else None
    detail = f"{theirs:,.0f} µs against {ours:,.0f} µs a request" if theirs and ours else ""
    return Bar(
        f"LiteLLM's CPU a request vs native's, {scenario.title}", value, "x", LEAST_TIMES, detail, least=True
    )


def beside_nginx(rows: list[Row], scenario: Scenario) -> list[Bar]:
    """How many times nginx each costs, for orientation: at this rate every wake-up serves one request."""
    cpu = {row.name: row.cpu for row in rows}
    nginx = cpu.get("nginx")
    return [
        Bar(f"{name}'s CPU a request vs nginx's, {scenario.title}", theirs / nginx, "x")
        for name in ("native", "uvicorn", *PEERS)
        if nginx and (theirs := cpu.get(name))
    ]


def table(rows: list[Row], *, stream: bool) -> str:
    header = ["server", "p50 ms", "p99 ms", "p99.9 ms"]
    header += ["first event p50 ms"] if stream else []
    header += [
        "answered",
        "wrong or late",
        "never sent",
        "CPU µs a request",
        "of the whole process",
        "peak MB",
    ]
    lines = []
    for row in rows:
        times = [row.p50, row.p99, row.p999, *([row.first] if stream else [])]
        counts = [f"{count:,}" for count in (row.ok, row.wrong, row.unsent)]
        lines.append(
            [row.name, *map(_number, times), *counts, *map(_number, (row.cpu, row.process, row.peak))]
        )
    return markdown(header, lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:,.1f}"


def panels(rows: list[Row]) -> list[Panel]:
    figures = {
        "p50, ms": lambda row: row.p50,
        "p99, ms": lambda row: row.p99,
        "p99.9, ms": lambda row: row.p999,
        "requests not answered as they should, %": _lost_percent,
        "CPU, microseconds a request": lambda row: row.cpu,
        "peak memory, MB": lambda row: row.peak,
    }
    return [Panel(title, {row.name: value(row) for row in rows}) for title, value in figures.items()]


def _lost_percent(row: Row) -> float | None:
    total = row.ok + row.wrong + row.unsent
    return 100 * (row.wrong + row.unsent) / total if total else None


_PACE = Pace(rounds=1, seconds=60.0, warmup=5.0)


def _takes(pace: Pace) -> float:
    servers = len(SERVERS) + len(PEERS)
    return 80 + servers * pace.rounds * (pace.seconds + pace.warmup + 9)


PART = Part(
    "peers",
    "500 requests a second on a provider of 200 ms: every door, nginx, and the gateways of others",
    {"json": Step(side_by_side(JSON), _PACE, _takes), "streams": Step(side_by_side(STREAMS), _PACE, _takes)},
)
