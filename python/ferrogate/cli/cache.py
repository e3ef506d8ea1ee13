"""``gateway cache``: the answers that a running gateway keeps."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote

import typer

from ferrogate.cli import cache_carry, cache_simulate
from ferrogate.cli.cache_table import entry_lines, entry_table, stats_lines
from ferrogate.cli.control import (
    Control,
    DataOption,
    JsonOption,
    RefusedError,
    print_json,
    reach_running,
    reported,
)

__all__ = ["app"]

_PAGE = 500
_WHOLE_ID = 64
_WIDEST = 1_000
"""Columns of an output that is no terminal: programs that read it wrap nothing."""

app = typer.Typer(
    name="cache",
    help="Kept answers of a running gateway: counts, list, show, purge; and what one would have saved.",
    add_completion=False,
    pretty_exceptions_show_locals=False,
)

_Model = Annotated[str | None, typer.Option("--model", "-m", help="Of this model, as the provider calls it.")]
_Tenant = Annotated[str | None, typer.Option("--tenant", "-t", help="Of this tenant.")]
_Route = Annotated[
    str | None, typer.Option("--route", "-r", help="To requests for an alias or provider/model.")
]
_Text = Annotated[str | None, typer.Option("--text", help="Found in the beginning of what was asked.")]
_Entry = Annotated[str, typer.Argument(help="An entry's id, or how it begins.", metavar="ID")]


app.command(epilog=cache_simulate.EPILOG)(cache_simulate.simulate)
app.command(
    epilog="Examples:\n\ngateway cache export answers.jsonl\n\ngateway cache export - | gzip > answers.gz"
)(cache_carry.export)
app.command(
    "import",
    epilog="Examples:\n\ngateway cache import answers.jsonl\n\nzcat answers.gz | gateway cache import -",
)(cache_carry.import_entries)
app.command(
    epilog="Examples:\n\ngateway cache warm --from-logs --since 24h\n\n"
    "gateway cache warm --from-logs --model faq --dry-run"
)(cache_carry.warm)


@app.callback(
    invoke_without_command=True,
    epilog="Examples:\n\ngateway cache\n\ngateway cache list --route faq\n\n"
    "gateway cache stats --json | jq '.hits / (.hits + .misses)'",
)
def cache(context: typer.Context, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Kept answers of a running gateway. Without a command: the counts."""
    if context.invoked_subcommand is None:
        stats(data, as_json)


@app.command(epilog="Examples:\n\ngateway cache stats\n\ngateway cache stats --json | jq .tokens_saved")
def stats(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Show what is kept now, and what was counted since the start."""
    with reported(), reach_running(data) as control:
        found = control.call("GET", "cache", query={"limit": 1})["stats"]
    if as_json:
        print_json(found)
        return
    typer.echo("\n".join(stats_lines(found)))
    if not found["hits"] + found["misses"] + found["entries"]:
        typer.echo("nothing was asked for yet where cache.exact.enabled is true", err=True)


@app.command(
    "list",
    epilog="Examples:\n\ngateway cache list\n\ngateway cache list --tenant team-a --text password\n\n"
    "gateway cache list --json | jq -r '.[] | [.id, .hits, .preview] | @tsv'",
)
def list_entries(
    model: _Model = None,
    tenant: _Tenant = None,
    route: _Route = None,
    text: _Text = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=_PAGE)] = 50,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List entries, in no particular order."""
    which = _filter(model, tenant, route, text)
    with reported(), reach_running(data) as control:
        page = control.call("GET", "cache", query={**which, "limit": limit})
    if as_json:
        print_json(page["items"])
        return
    if page["items"]:
        from rich.console import Console

        width = None if sys.stdout.isatty() else _WIDEST
        Console(highlight=False, width=width).print(entry_table(page["items"]))
    else:
        typer.echo("no entry matches" if which else "nothing is kept")
    if page["next_cursor"] is not None:
        typer.echo(f"there are more than {limit}; see --limit and the filters", err=True)


@app.command(epilog="Examples:\n\ngateway cache show 3f9a0c12\n\ngateway cache show 3f9a0c12 --json")
def show(entry: _Entry, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Show all that is known of one entry."""
    with reported(), reach_running(data) as control:
        found = _find(control, entry)
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(entry_lines(found)))


@app.command(
    epilog="Examples:\n\ngateway cache purge 3f9a0c12\n\ngateway cache purge --route faq\n\n"
    "gateway cache purge --all --yes",
)
def purge(
    entry: Annotated[
        str | None,
        typer.Argument(help="An entry's id, or how it begins.", metavar="[ID]", show_default=False),
    ] = None,
    model: _Model = None,
    tenant: _Tenant = None,
    route: _Route = None,
    text: _Text = None,
    every: Annotated[bool, typer.Option("--all", help="Every entry; the same as no filter.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before taking all away.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take entries away: one by its id, those that match every filter, or all, after asking."""
    which = _filter(model, tenant, route, text)
    if (entry is not None) + bool(which) + every > 1:
        raise typer.BadParameter("give an id, or filters, or --all: one of the three")
    with reported(), reach_running(data) as control:
        if entry is not None:
            control.call("DELETE", f"cache/{quote(_find(control, entry)['id'])}")
            removed = 1
        else:
            if not (which or yes):
                _ask(control)
            removed = control.call("DELETE", "cache", query=which)["removed"]
    if as_json:
        print_json({"removed": removed})
    else:
        typer.echo(f"removed {removed:,} {'entry' if removed == 1 else 'entries'}")


def _ask(control: Control) -> None:
    count = control.call("GET", "cache", query={"limit": 1})["stats"]["entries"]
    typer.confirm(f"Remove all {count:,} entries, of every tenant?", abort=True, err=True)


def _filter(model: str | None, tenant: str | None, route: str | None, text: str | None) -> dict[str, str]:
    asked = {"model": model, "tenant": tenant, "route": route, "text": text}
    return {name: value for name, value in asked.items() if value is not None}


def _find(control: Control, start: str) -> dict[str, Any]:
    """Return the one entry whose id begins so. Raises RefusedError where there is none, or more than one."""
    if not start:
        raise RefusedError("an id is not empty; `gateway cache list` shows entries")
    found: list[dict[str, Any]] = []
    for item in _entries(control):
        if item["id"].startswith(start):
            found.append(item)
            if len(start) >= _WHOLE_ID or len(found) > 1:
                break
    if len(found) == 1:
        return found[0]
    if found:
        raise RefusedError(f"more than one entry's id begins with {start!r}; give more of it")
    raise RefusedError(f"no entry's id begins with {start!r}; `gateway cache list` shows entries")


def _entries(control: Control) -> Iterator[dict[str, Any]]:
    cursor: dict[str, str] = {}
    while True:
        page = control.call("GET", "cache", query={"limit": _PAGE, **cursor})
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}
