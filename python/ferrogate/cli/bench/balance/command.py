"""The command: what is run, where results go, and what the exit code says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ferrogate.cli.bench.balance.names import UnknownScenarioError, choose
from ferrogate.cli.bench.balance.tables import kept, plain_or_rich, show_bars, show_report, show_scenarios
from ferrogate.cli.bench.machine import check_build, facts
from ferrogate.cli.bench.results import document, write
from ferrogate.cli.bench.screen import steps_screen

__all__ = ["EPILOG", "balance"]

EPILOG = (
    "Examples: gateway bench balance  |  "
    "gateway bench balance --list  |  "
    "gateway bench balance --seeds 5 --scenario flaps --scenario joins  |  "
    "gateway bench balance --load 10 --json --out balance.json  |  "
    "gateway bench balance --live --scenario brown --duration 30"
)


def balance(
    scenario: Annotated[
        list[str] | None,
        typer.Option("--scenario", "-s", help="A name or a part of one; repeatable; default: all."),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=1000, help="How many random courses.")] = 20,
    first_seed: Annotated[int, typer.Option("--first-seed", min=0, help="The number of the first.")] = 1,
    load: Annotated[
        float, typer.Option("--load", min=0.05, max=100, help="Times the requests, and lanes to bear them.")
    ] = 1.0,
    live: Annotated[
        bool, typer.Option("--live", help="With real sockets: a gateway on the scripted mock.")
    ] = False,
    duration: Annotated[
        float, typer.Option("--duration", "-d", min=2, help="Seconds of each scenario, with --live.")
    ] = 20.0,
    rate: Annotated[
        float, typer.Option("--rate", "-r", min=4, help="Requests a second, with --live.")
    ] = 100.0,
    list_only: Annotated[bool, typer.Option("--list", help="Print the scenarios and end.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write everything to this JSON file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    allow_debug: Annotated[
        bool, typer.Option("--allow-debug", help="Go on with --live although the build is no release.")
    ] = False,
) -> None:
    """Put balancing through failing, slow, limited and joining lanes, beside other policies and an oracle.

    The simulation runs the very code of the gateway on virtual time and depends on nothing but its seeds.
    --live runs the same scenarios with real sockets, and reads the gateway's own log. The exit code is 1
    where a promise is missed; docs/bench.md explains the measures.
    """
    from ferrogate.engine.facade import balance_scenarios

    known = balance_scenarios()
    try:
        names = choose(scenario or [], [one["name"] for one in known])
    except UnknownScenarioError as error:
        raise typer.BadParameter(str(error), param_hint="--scenario") from error
    chosen = [one for one in known if one["name"] in names]
    if list_only:
        _list(chosen, as_json=as_json)
        return
    if live:
        result, bars = _live(chosen, duration, rate, allow_debug=allow_debug, quiet=as_json)
    else:
        options = {"scenarios": names, "first_seed": first_seed, "seeds": seeds, "load": load}
        result, bars = _simulated(options, quiet=as_json)
    if out:
        write(out, result)
    if as_json:
        typer.echo(json.dumps(result))
    if not kept(bars):
        raise typer.Exit(1)


def _list(scenarios: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(scenarios))
    else:
        show_scenarios(plain_or_rich(), scenarios)


def _simulated(options: dict[str, Any], *, quiet: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    from ferrogate.engine.facade import balance_run

    with steps_screen(Console(stderr=True), f"simulating {len(options['scenarios'])} scenarios") as progress:
        report = balance_run(options, progress)
    if not quiet:
        console = plain_or_rich()
        show_report(console, report)
        show_bars(console, report["bars"])
    return document("balance", facts(), [], options=options, simulation=report), report["bars"]


def _live(
    scenarios: list[dict[str, Any]], duration: float, rate: float, *, allow_debug: bool, quiet: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    from ferrogate.cli.bench.balance.live import run_live, show_live

    screen = Console(stderr=True)
    warning = check_build(allow_debug=allow_debug)
    if warning:
        screen.print(f"[bold white on red] NOT A RELEASE BUILD [/] {warning}")
    machine = facts()
    outcomes = run_live(scenarios, duration, rate, screen)
    bars = [bar for outcome in outcomes for bar in outcome["bars"]]
    if not quiet:
        console = plain_or_rich()
        for outcome in outcomes:
            show_live(console, outcome)
        show_bars(console, bars)
    return document("balance-live", machine, [], publishable=warning is None, live=outcomes), bars
