"""The commands: options, what they mean together, and where results go."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console

from ferrogate.cli.bench import cache as caching
from ferrogate.cli.bench import compare as comparing
from ferrogate.cli.bench.balance import EPILOG, balance
from ferrogate.cli.bench.lab import SERVERS, lab
from ferrogate.cli.bench.load import JSON, STREAMS, Load, Sample, Scenario, measure, run_load, sample_of
from ferrogate.cli.bench.machine import check_build, facts
from ferrogate.cli.bench.results import document, write
from ferrogate.cli.bench.screen import Tell, progress_screen
from ferrogate.cli.bench.servers import KEY, KINDS, find_nginx
from ferrogate.cli.bench.tables import report_table, show_comparison

__all__ = ["app"]

app = typer.Typer(
    name="bench",
    help="Measure a gateway, or any OpenAI-compatible URL, under load.",
    invoke_without_command=True,
    pretty_exceptions_show_locals=False,
)

app.command(epilog=EPILOG)(balance)
app.command(epilog=caching.EPILOG)(caching.cache)

_INTERRUPTED = 130
_PAGE = 140

_Out = Annotated[Path | None, typer.Option("--out", help="Write everything measured to this JSON file.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
_Debug = Annotated[
    bool, typer.Option("--allow-debug", help="Go on although the extension is not a release build.")
]
_Workers = Annotated[
    int, typer.Option("--workers", min=1, help="Engine threads of the gateways that are started.")
]


@app.callback(
    epilog="Examples: gateway bench --target native --stream  |  "
    "gateway bench --target http://127.0.0.1:8080/openai --rate 200 --duration 30 --out results.json  |  "
    "gateway bench compare --quick  |  gateway bench balance --seeds 5  |  gateway bench cache --pairs F",
)
def bench(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Option("--target", "-t", help="A URL, or native, uvicorn or python: started here on a mock."),
    ] = "native",
    rate: Annotated[
        float, typer.Option("--rate", "-r", min=0, help="Requests a second; 0: as many as go.")
    ] = 500.0,
    duration: Annotated[float, typer.Option("--duration", "-d", min=0.05, help="Measured seconds.")] = 60.0,
    warmup: Annotated[float, typer.Option("--warmup", min=0.0, help="Seconds of load before that.")] = 2.0,
    stream: Annotated[bool, typer.Option("--stream", help="Ask for streams.")] = False,
    concurrency: Annotated[
        int | None,
        typer.Option(
            "--concurrency", "-c", min=1, help="Most connections; 64, or 16 at rate 0, if left out."
        ),
    ] = None,
    body_kb: Annotated[float, typer.Option("--body-kb", min=0, help="Size of the request's body.")] = 0.6,
    model: Annotated[
        str, typer.Option("--model", help="The model asked for; PROVIDER/echo puts the mock in its place.")
    ] = "mock/echo",
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="Further header, as `name: value`; repeatable.")
    ] = None,
    pid: Annotated[
        list[int] | None, typer.Option("--pid", help="Process of a URL target whose CPU is read; repeatable.")
    ] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, max=64, help="Threads of the generator.")] = 1,
    workers: _Workers = 1,
    out: _Out = None,
    as_json: _Json = False,
    allow_debug: _Debug = False,
) -> None:
    """Open-loop load on one target: requests leave on schedule and latency counts from the schedule.

    The result says so when the generator itself was late. Ctrl-C ends the load and what was started for it.
    """
    if context.invoked_subcommand is not None:
        return
    screen = Console(stderr=True)
    scenario = Scenario(
        "streams" if stream else "json",
        "streams" if stream else "JSON",
        stream=stream,
        unit="chunk" if stream else "request",
        script=STREAMS.script if stream else {},
    )
    load = Load(
        rate=rate,
        duration=duration,
        stream=stream,
        connections=concurrency or (64 if rate else 16),
        warmup=warmup,
        body_bytes=round(body_kb * 1000),
        model=model,
        threads=threads,
        headers=({"authorization": f"Bearer {KEY}"} if target in KINDS else {}) | _headers(header),
    )
    warning = check_build(allow_debug=allow_debug)
    _warn(screen, warning)
    machine = facts()
    with progress_screen(screen) as tell:
        if target in KINDS:
            sample = _run_here(target, scenario, load, workers, tell)
        else:
            url, path = _at(target)
            load = replace(load, path=path)
            report = run_load(load, url, {"server": pid} if pid else {}, tell(f"measuring {url}"))
            sample = sample_of(report, url, scenario, mode="rate", number=0, whole_cpu_us=None)
    result = document("bench", machine, [sample], publishable=warning is None)
    if out:
        write(out, result)
    if as_json:
        typer.echo(json.dumps(result))
    else:
        cpu = sample.cpu_us if sample.cpu_us is not None else sample.window_us
        Console().print(report_table(sample.report, cpu, scenario.unit))
    if sample.report["cancelled"]:
        raise typer.Exit(_INTERRUPTED)
    if not sample.report["requests"]["ok"]:
        raise typer.Exit(1)


@app.command(
    epilog="Examples: gateway bench compare --quick  |  "
    "gateway bench compare --servers nginx,native --rounds 7 --duration 10  |  "
    "gateway bench compare --only streams --out results.json",
)
def compare(
    servers: Annotated[
        str,
        typer.Option("--servers", help="Which ones, by commas; nginx is left out where it is not installed."),
    ] = ",".join(SERVERS),
    only: Annotated[str | None, typer.Option("--only", help="json or streams; default: both.")] = None,
    rate: Annotated[
        float,
        typer.Option("--rate", "-r", min=0, help="Offered a second; 0: 60 % of the slowest one's maximum."),
    ] = 0.0,
    duration: Annotated[float, typer.Option("--duration", "-d", min=0.2, help="Seconds of each run.")] = 5.0,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often the servers take turns.")] = 3,
    quick: Annotated[
        bool, typer.Option("--quick", help="One round of at most two seconds: to see it work.")
    ] = False,
    workers: _Workers = 1,
    out: _Out = None,
    as_json: _Json = False,
    allow_debug: _Debug = False,
) -> None:
    """Compare direct, nginx, native, uvicorn and Python-only side by side on one mock.

    CPU, latency, throughput and memory. The servers take turns, first at one offered rate, then as fast as
    they can. Ratios are against nginx, taken round by round; docs/bench.md explains the figures.
    """
    screen = Console(stderr=True)
    warning = check_build(allow_debug=allow_debug)
    _warn(screen, warning)
    names = _servers(servers, screen)
    scenarios = [scenario for scenario in (JSON, STREAMS) if only in (None, scenario.name)]
    if not scenarios:
        raise typer.BadParameter("it is json or streams", param_hint="--only")
    plan = comparing.Plan(names, scenarios, rounds, duration, rate=rate, workers=workers)
    if quick:
        plan = comparing.Plan(names, scenarios, 1, min(duration, 2.0), warmup=0.5, rate=rate, workers=workers)
    machine = facts()
    with progress_screen(screen) as tell, lab() as room:
        samples, rates = comparing.compare(plan, room, tell)
    result = document(
        "compare", machine, samples, publishable=warning is None, offered=rates, rounds=plan.rounds
    )
    if out:
        write(out, result)
    if as_json:
        typer.echo(json.dumps(result))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PAGE)
    for scenario in scenarios:
        show_comparison(console, samples, scenario, names, rates[scenario.name])
    build = machine["build"]
    version = f"ferrogate {build.get('version')} ({build.get('profile')} build, {build.get('git')})"
    console.print(
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, "
        f"{machine['nginx'] or 'no nginx'}, {version}"
    )
    _warn(console, warning)


def _run_here(kind: str, scenario: Scenario, load: Load, workers: int, tell: Tell) -> Sample:
    """Start a gateway and a mock, warm them up, measure from idle to idle, and end them."""
    with lab() as room:
        tell(f"starting {kind}")
        provider, named, _ = load.model.partition("/")
        server = room.server(kind, workers, provider if named else "mock")
        room.script(scenario.script)
        if load.warmup:
            run_load(replace(load, duration=load.warmup, warmup=0), server.url, {}, tell("warming up"))
        load = replace(load, warmup=0)
        progress = tell(f"measuring {kind}")
        return measure(kind, server, scenario, load, mode="rate", progress=progress)


def _warn(console: Console, warning: str | None) -> None:
    if warning:
        console.print(f"[bold white on red] NOT A RELEASE BUILD [/] {warning}")


def _servers(text: str, screen: Console) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in SERVERS]
    if unknown or not names:
        raise typer.BadParameter(f"{', '.join(unknown) or 'nothing'}: choose from {', '.join(SERVERS)}")
    if "nginx" in names and find_nginx() is None:
        screen.print("nginx is not installed: the comparison goes without it")
        names.remove("nginx")
    return list(dict.fromkeys(names))


def _headers(lines: list[str] | None) -> dict[str, str]:
    headers = {}
    for line in lines or []:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise typer.BadParameter(f"{line!r} is not `name: value`", param_hint="--header")
        headers[name.strip().lower()] = value.strip()
    return headers


def _at(target: str) -> tuple[str, str]:
    """Split a target into root URL and path: a whole endpoint, or a base URL as an SDK takes it."""
    if "://" not in target:
        raise typer.BadParameter(
            f"{target!r} is neither a URL nor one of {', '.join(KINDS)}", param_hint="--target"
        )
    parts = urlsplit(target)
    path = parts.path.rstrip("/")
    if "completions" not in path:
        path += "/chat/completions" if path.endswith("/v1") else "/v1/chat/completions"
    if parts.query:
        path += f"?{parts.query}"
    return f"{parts.scheme}://{parts.netloc}", path
