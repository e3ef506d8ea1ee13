"""What ``gateway cache`` prints: counts, a table of entries, one entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from ferrogate.terminal import printable

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["entry_lines", "entry_table", "stats_lines"]

_SHORT_ID: Final = 12
_NUMBERS: Final = frozenset({"size", "hits", "age", "ttl", "tokens"})


def stats_lines(stats: Mapping[str, Any]) -> list[str]:
    """Return the counts, a line each."""
    looked = stats["hits"] + stats["misses"]
    rate = f"{stats['hits'] / looked:.1%}" if looked else "-"
    saved = stats["tokens_saved"]
    gone = f"{stats['evictions']:,} pushed out, {stats['expired']:,} too old"
    lines = {
        "entries": f"{stats['entries']:,}",
        "memory": f"{_size(stats['bytes'])} of {_size(stats['max_bytes'])}",
        "hit rate": f"{rate} ({stats['hits']:,} hits, {stats['misses']:,} misses)",
        "joined": f"{stats['joined']:,} shared another one's call",
        "stored": f"{stats['stores']:,} ({gone})",
        "tokens saved": f"{saved['input'] or 0:,} in, {saved['output'] or 0:,} out",
    }
    if disk := stats.get("disk"):
        why = disk["failure"]
        lines["on disk"] = _size(disk["bytes"]) if why is None else f"not written: {printable(why)}"
    if semantic := stats.get("semantic"):
        lines["by meaning"] = _meaning(semantic)
        for report in semantic["verified"]:
            lines[f"verified {printable(report['route'])}"] = report["says"]
    return _aligned(lines)


def _meaning(semantic: Mapping[str, int]) -> str:
    """What came of looking for other wordings; what did not happen is left out."""
    names = {
        "hits": "hits",
        "vetoed": "vetoed",
        "far": "too far",
        "busy": "not looked for (busy)",
        "late": "given up (late)",
        "too_long": "too long",
    }
    counted = [f"{semantic[key]:,} {name}" for key, name in names.items() if semantic[key] or key == "hits"]
    return f"{', '.join(counted)}; {semantic['entries']:,} questions"


def entry_table(items: list[dict[str, Any]]) -> Table:
    """Return a table of entries; the id is how it begins."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    rows = [_cells(item) for item in items]
    for title in rows[0]:
        justify: Literal["right", "left"] = "right" if title in _NUMBERS else "left"
        wraps = title == "asked"
        table.add_column(
            title, justify=justify, no_wrap=not wraps, overflow="ellipsis" if not wraps else "fold"
        )
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row.values()))
    return table


def entry_lines(item: Mapping[str, Any]) -> list[str]:
    """Return all that is known of one entry, a line each."""
    tokens = item["tokens"]
    return _aligned(
        {
            "id": item["id"],
            "asked": item["preview"],
            "route": item["route"],
            "tenant": item["tenant"],
            "answered by": f"{item['provider']}/{item['model']}",
            "operation": f"{item['operation']}, {'stream' if item['stream'] else 'JSON'}, {item['status']}",
            "kind": item["kind"],
            "tokens": f"{_count(tokens['input'])} in, {_count(tokens['output'])} out",
            "memory": _size(item["bytes"]),
            "hits": f"{item['hits']:,}",
            "age": f"{_span(item['age_s'])} of {_span(item['ttl_s'])}",
        }
    )


def _cells(item: Mapping[str, Any]) -> dict[str, str]:
    tokens = item["tokens"]
    return {
        "id": item["id"][:_SHORT_ID],
        "route": item["route"],
        "model": item["model"],
        "tenant": item["tenant"],
        "tokens": f"{_count(tokens['input'])}/{_count(tokens['output'])}",
        "size": _size(item["bytes"]),
        "hits": f"{item['hits']:,}",
        "age": _span(item["age_s"]),
        "ttl": _span(item["ttl_s"]),
        "asked": item["preview"],
    }


def _aligned(lines: Mapping[str, str]) -> list[str]:
    width = max(map(len, lines))
    return [f"{title:<{width}}  {printable(text)}" for title, text in lines.items()]


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _size(value: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value} B"


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
