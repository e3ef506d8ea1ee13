"""``gateway logs``: the request log."""

from __future__ import annotations

import json
import time
from collections import deque
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ferrogate.cli.control import Control, DataOption, reach, reported
from ferrogate.cli.log_entry import show
from ferrogate.terminal import printable, printable_json

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["app", "logs"]

_FOLLOW_S = 1.0
_PAGE = 200
_MOST_PAGES = 25
_REMEMBERED = 4 * _PAGE
_WIDTHS = (
    ("time", 12), ("status", 7), ("model", 30), ("provider", 14), ("key", 14), ("total", 9), ("first", 9),
    ("overhead", 9), ("tokens", 11),
)  # fmt: skip


app = typer.Typer(pretty_exceptions_show_locals=False, add_completion=False)
app.command("show")(show)


@app.callback(invoke_without_command=True)
def logs(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as requests end.")] = False,
    status: Annotated[str | None, typer.Option("--status", "-s", help="A code or a class: 429, 5xx.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="As asked, or as sent.")] = None,
    provider: Annotated[str | None, typer.Option("--provider", "-p")] = None,
    key: Annotated[str | None, typer.Option("--key", "-k", help="A key's name or id.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="A time, or an age such as 15m.")] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="Found in ids, names, path, error, tags.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500)] = 50,
    data: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Show requests that ended, oldest of the page first.

    Examples:
    gateway logs --status 5xx --since 15m

    gateway logs --follow --model gpt-4o-mini

    gateway logs --json | jq -r '[.request_id, .latency.total_ms] | @tsv'

    """
    if context.invoked_subcommand is not None:
        return
    asked = {"status": status, "model": model, "provider": provider, "key": key, "since": since, "text": text}
    query = {name: value for name, value in asked.items() if value is not None}
    show = _Lines(as_json)
    with reported(), reach(data) as control:
        items = control.call("GET", "logs", query={**query, "limit": limit})["items"]
        show.print(reversed(items))
        if not items and not follow and not as_json:
            typer.echo("no request matches", err=True)
        if follow:
            _follow(control, query, items, show)


def _follow(control: Control, query: dict[str, Any], items: list[dict[str, Any]], show: _Lines) -> None:
    """Print what is new until Ctrl-C."""
    seen = deque((item["request_id"] for item in reversed(items)), maxlen=_REMEMBERED)
    query = {name: value for name, value in query.items() if name != "since"}
    try:
        while True:
            time.sleep(_FOLLOW_S)
            fresh = _newer(control, query, set(seen))
            seen.extend(item["request_id"] for item in reversed(fresh))
            show.print(reversed(fresh))
    except KeyboardInterrupt:
        return


def _newer(control: Control, query: dict[str, Any], seen: set[str]) -> list[dict[str, Any]]:
    """Return the entries above the first one that was seen, newest first."""
    fresh: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = control.call(
            "GET", "logs", query={**query, "limit": _PAGE, **({"cursor": cursor} if cursor else {})}
        )
        for item in page["items"]:
            if item["request_id"] in seen:
                return fresh
            fresh.append(item)
        cursor = page["next_cursor"]
        if cursor is None or not seen:
            break
    return fresh


class _Lines:
    """Prints entries as they come, so a table's widths cannot depend on all of them."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._console: Console | None = None

    def print(self, items: Any) -> None:
        for item in items:
            if self._as_json:
                typer.echo(printable_json(json.dumps(item, ensure_ascii=False)))
                continue
            if self._console is None:
                self._console = self._headed()
            self._console.print(_line(item), soft_wrap=True)

    def _headed(self) -> Console:
        from rich.console import Console

        console = Console(highlight=False)
        console.print("[bold]" + " ".join(f"{title:<{width}}" for title, width in _WIDTHS), soft_wrap=True)
        return console


def _line(item: dict[str, Any]) -> Any:
    from rich.text import Text

    status, outcome = item["status"], item["outcome"]
    style = "red" if status >= 500 or outcome == "cut" else "yellow" if status >= 400 else "green"
    latency, tokens = item["latency"], item["tokens"]
    counted = "-" if tokens["input"] is None else f"{tokens['input']}/{tokens['output'] or 0}"
    cells = (
        item["started_at"][11:23],
        f"{status}" if outcome in ("ok", "error") else f"{status} {outcome}",
        item["model"] or item["path"],
        item["provider"] or "-",
        item["key"] or "-",
        _ms(latency["total_ms"]),
        _ms(latency["ttft_ms"]),
        _ms(latency["overhead_ms"]),
        counted,
    )
    line = Text()
    for (title, width), cell in zip(_WIDTHS, cells, strict=True):
        cell = printable(cell)
        shown = cell if len(cell) <= width else cell[: width - 1] + "…"
        line.append(f"{shown:<{width}} ", style=style if title == "status" else None)
    if item["error"]:
        line.append(printable(item["error"]), style="dim")
    return line


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return (
        f"{value / 1_000:.1f} s"
        if value >= 10_000
        else f"{value:.0f} ms"
        if value >= 10
        else f"{value:.2f} ms"
    )
