"""What a soak found, as a drawing and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ferrogate.cli.bench.results import write

from .plot import Line, Panel, draw
from .run import BOUNDS, JUDGED_FROM_S, MIB, Soak

__all__ = ["document", "drawing", "save"]

PANELS: list[tuple[str, str, float, dict[str, str]]] = [
    ("Resident memory", "MiB", MIB, {"rss": "gateway"}),
    ("File descriptors", "count", 1, {"fds": "open", "connections": "of clients"}),
    ("Threads", "count", 1, {"threads": "gateway"}),
    ("Journal and payloads on disk", "MiB", MIB, {"journal": "journal", "payloads": "payloads"}),
    ("Database on disk", "MiB", MIB, {"database": "SQLite"}),
    ("Requests in flight", "count", 1, {"in_flight": "gateway"}),
    ("Rows not yet in the database", "rows", 1, {"lag": "lag"}),
    ("Requests without an answer", "sum", 1, {"failures": "failures"}),
]
"""Title, unit, what the samples are divided by, and series by label."""


def drawing(found: Soak, machine: dict[str, Any]) -> str:
    """One panel a subject; the dashed line is the slope that was judged."""
    panels = []
    for title, unit, scale, names in PANELS:
        lines, notes = [], []
        for name, label in names.items():
            verdict = found.verdicts.get(name)
            trend = None
            if verdict is not None:
                half = verdict.growth / 2
                low, high = (verdict.level - half) / scale, (verdict.level + half) / scale
                trend = ((verdict.start, max(0.0, low)), (verdict.end, max(0.0, high)))
                notes.append(
                    f"{label}: {verdict.growth / scale:+,.2f} {unit}, bound {verdict.bound / scale:,.1f}"
                )
            lines.append(Line(label, [value / scale for value in found.series.values[name]], trend))
        panels.append(Panel(title, unit, lines, notes))
    rates = found.rates
    build = machine["build"]
    subtitle = (
        f"{rates.json:,.0f} JSON requests and {rates.streams:,.0f} streams a second, clients that leave,"
        f" keys that change; {machine['cores']} cores, {build['profile']} build; shaded: judged"
    )
    start = found.verdicts["rss"].start
    return draw(
        "Soak: what the gateway holds over time", subtitle, found.series.seconds, panels, judged=start
    )


def document(found: Soak, machine: dict[str, Any]) -> dict[str, Any]:
    """Everything that was seen."""
    return {
        "format": 1,
        "kind": "soak",
        "machine": machine,
        "minutes": found.options.minutes,
        "door": found.options.door,
        "log": found.options.log,
        "saturation": asdict(found.most) if found.most else None,
        "rates": asdict(found.rates),
        "judged": found.series.seconds[-1] >= JUDGED_FROM_S,
        "problems": found.problems,
        "bounds": {name: asdict(bound) for name, bound in BOUNDS.items()},
        "verdicts": {
            name: asdict(verdict) | {"flat": verdict.flat} for name, verdict in found.verdicts.items()
        },
        "not_answered": found.unhappy,
        "latency_us": found.latency_us,
        "disturbances": found.disturbances,
        "rest": found.rest | {"rss": found.rest_rss},
        "series": {"seconds": found.series.seconds, **found.series.values},
    }


def save(found: Soak, machine: dict[str, Any], folder: Path, name: str) -> Path:
    """Write both files; returns the drawing's path."""
    stem = f"{machine['time'][:10]}-{name}"
    write(folder / f"{stem}.json", document(found, machine))
    path = folder / f"{stem}.svg"
    path.write_text(drawing(found, machine), encoding="utf-8")
    return path
