"""``gateway lanes``: what each key is worth for each model now, and why."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ferrogate.cli.control import DataOption, JsonOption, print_json, reach_running, reported
from ferrogate.cli.lane_table import lane_table
from ferrogate.terminal import printable_json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["app", "lanes"]

Look = Callable[[], list[dict[str, Any]]]

_WIDEST = 1_000
"""Columns of an output that is no terminal: programs that read it wrap nothing."""

app = typer.Typer(pretty_exceptions_show_locals=False, add_completion=False)


@app.command(
    epilog="Examples:\n\ngateway lanes\n\ngateway lanes --route chat --interval 0.5\n\n"
    "gateway lanes --once --provider openai\n\n"
    "gateway lanes --json | jq -r '.[] | select(.multiplier < 1) | [.provider, .key, .why] | @tsv'",
)
def lanes(
    watch: Annotated[
        bool | None,
        typer.Option(
            "--watch/--once",
            "--follow",
            "-f",
            help="Look again and again. Default: where a terminal shows it.",
        ),
    ] = None,
    interval: Annotated[
        float, typer.Option("--interval", "-i", min=0.1, help="Seconds between looks.")
    ] = 1.0,
    provider: Annotated[str | None, typer.Option("--provider", "-p", help="Only this provider's.")] = None,
    route: Annotated[
        str | None, typer.Option("--route", "-r", help="Only those of an alias, or of provider/model.")
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the lanes of a running gateway: one key of one provider for one model each.

    On a terminal the table is live, and Ctrl-C ends it. With --json and --watch every look is one line.
    """
    query = {name: value for name, value in (("provider", provider), ("route", route)) if value is not None}
    is_terminal = _is_terminal()
    with reported(), reach_running(data) as control:

        def look() -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = control.call("GET", "lanes", query=query)["items"]
            return items

        try:
            if as_json:
                _print_documents(look, interval if watch else None)
            elif is_terminal and watch is not False:
                _show_live(look, _console(is_terminal), interval, query)
            else:
                _print_tables(look, _console(is_terminal), interval if watch else None, query)
        except KeyboardInterrupt:
            return


def _print_documents(look: Look, interval: float | None) -> None:
    if interval is None:
        print_json(look())
        return
    while True:
        typer.echo(printable_json(json.dumps(look(), ensure_ascii=False)))
        time.sleep(interval)


def _print_tables(look: Look, console: Console, interval: float | None, query: dict[str, str]) -> None:
    while True:
        console.print(_shown(look(), console, query))
        if interval is None:
            return
        console.print()
        time.sleep(interval)


def _show_live(look: Look, console: Console, interval: float, query: dict[str, str]) -> None:
    """Show one table in place until Ctrl-C; what was seen last stays on the screen."""
    from rich.live import Live

    with Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(_shown(look(), console, query), refresh=True)
            time.sleep(interval)


def _shown(items: list[dict[str, Any]], console: Console, query: dict[str, str]) -> RenderableType:
    if items:
        return lane_table(items, console)
    if query:
        return "no lane matches; `gateway lanes` shows all"
    return "no lane yet: send a request, and what it may use shows here"


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _console(is_terminal: bool) -> Console:
    from rich.console import Console

    return Console(highlight=False) if is_terminal else Console(highlight=False, width=_WIDEST)
