"""The table of ``gateway lanes``: a row a lane, the columns that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from ferrogate.terminal import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["lane_table"]

_TITLES: Final = (
    "route", "tier", "provider/key", "model", "weight", "worth", "share", "state", "success", "ttft",
    "per token", "in flight", "why",
)  # fmt: skip
_NUMBERS: Final = frozenset({"tier", "weight", "worth", "share", "success", "ttft", "per token", "in flight"})
_GO_FIRST: Final = ("tier", "weight", "per token", "ttft", "success", "share", "route")
"""What a narrow terminal leaves out, in this order."""
_NARROWEST_WHY: Final = 24
_GAP: Final = 2
_STATES: Final = {
    "ready": "green",
    "probing": "cyan",
    "full": "yellow",
    "resting": "yellow",
    "cooling": "magenta",
    "key refused": "red",
}


def lane_table(items: list[dict[str, Any]], console: Console) -> Table:
    """Return a table of lanes by route, tier and name, as wide as the console at most."""
    from rich.table import Table
    from rich.text import Text

    rows = [_cells(item) for item in sorted(items, key=_place)]
    table = Table(box=None, header_style="bold", pad_edge=False)
    titles = _that_fit(rows, console.width)
    for title in titles:
        justify: Literal["right", "left"] = "right" if title in _NUMBERS else "left"
        table.add_column(title, justify=justify, no_wrap=title != "why", overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[title][0], style=row[title][1]) for title in titles))
    return table


def _place(item: dict[str, Any]) -> tuple[bool, str, int, str, str, str]:
    route, tier = item["route"], item["tier"] or 0
    return (route is None, route or "", tier, item["provider"], item["key"], item["model"])


def _that_fit(rows: list[dict[str, tuple[str, str]]], width: int) -> list[str]:
    """Return the titles that leave room for the sentence at the end, which alone may wrap."""
    from rich.cells import cell_len

    wide = {
        title: max(cell_len(text) for text in (title, *(row[title][0] for row in rows))) for title in _TITLES
    }
    wide["why"] = min(wide["why"], _NARROWEST_WHY)
    titles = list(_TITLES)
    for gone in _GO_FIRST:
        if sum(wide[title] + _GAP for title in titles) - _GAP <= width:
            break
        titles.remove(gone)
    return titles


def _cells(item: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return text and style by title."""
    multiplier = item["multiplier"]
    enabled = item["enabled"] and item["weight"] > 0
    texts = {
        "route": _route(item),
        "tier": _number(item["tier"]),
        "provider/key": f"{item['provider']}/{item['key']}",
        "model": item["model"] or "-",
        "weight": f"{item['weight']:g}" if item["enabled"] else "off",
        "worth": "-" if multiplier is None else f"{multiplier:.3g}x",
        "share": _percent(item["share"]),
        "state": _state(item),
        "success": _percent(item["success_ratio"]),
        "ttft": _ms(item["ttft_ms"]),
        "per token": _ms(item["token_ms"]),
        "in flight": f"{item['in_flight']}",
        "why": _why(item),
    }
    styles = {
        "worth": "" if multiplier is None else _worth(multiplier),
        "state": _STATES.get(item["state"] or "", ""),
        "why": "dim",
    }
    return {
        title: (printable(text), styles.get(title, "") if enabled else "dim") for title, text in texts.items()
    }


def _worth(multiplier: float) -> str:
    return "green" if multiplier > 1 else "" if multiplier == 1 else "yellow" if multiplier > 0 else "red"


def _route(item: dict[str, Any]) -> str:
    others = len(item["routes"]) - 1
    return f"{item['route'] or '-'}{f' (+{others})' if others > 0 else ''}"


def _state(item: dict[str, Any]) -> str:
    state, back_ms = item["state"] or "-", item["cooldown_ms"]
    if back_ms is None:
        return state
    seconds = max(1, round(back_ms / 1_000))
    return f"{state} {seconds} s" if seconds < 120 else f"{state} {round(seconds / 60)} min"


def _why(item: dict[str, Any]) -> str:
    """Return the engine's sentence; where it has none, how the last failure ended."""
    if item["why"] or not item["last_error"]:
        return str(item["why"])
    status = "" if item["last_status"] is None else f" ({item['last_status']})"
    return f"last failure: {item['last_error']}{status}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}" if 0 < value < 0.01 else f"{value:.0%}"


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return (
        f"{value / 1_000:.1f} s"
        if value >= 1_000
        else f"{value:.0f} ms"
        if value >= 10
        else f"{value:.1f} ms"
    )
