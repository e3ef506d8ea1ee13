"""Bars on a logarithmic scale as an SVG document, a panel for each figure, made of text alone.

Figures of gateways lie orders of magnitude apart; on a linear scale all but the largest would be a line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 760
LABELS, FIGURES = 110, 90
ROW, GAP, HEAD = 20, 34, 44
PLOT = WIDTH - LABELS - FIGURES
COLOURS = {
    "native": "#0b6e4f",
    "uvicorn": "#0b6e4f",
    "python": "#0b6e4f",
    "nginx": "#8a8f98",
    "direct": "#8a8f98",
}
OTHERS = "#b5651d"
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.t{font-weight:600}"
    ".g{stroke:#ddd}.s{fill:#666;font-size:11px}"
)


@dataclass(frozen=True)
class Panel:
    """One figure of each server; None is written as ``-``."""

    title: str
    values: Mapping[str, float | None]


def chart(title: str, panels: Sequence[Panel], note: str = "") -> str:
    """The document; ``note`` stands below the title."""
    parts: list[str] = []
    top = HEAD + 14
    for panel in panels:
        parts += _panel(panel, top)
        top += GAP + ROW * len(panel.values)
    head = f'<text x="10" y="20" class="t" style="font-size:15px">{escape(title)}</text>'
    head += f'<text x="10" y="38" class="s">{escape(note)}</text>'
    size = f'width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}"'
    body = "\n".join([head, *parts])
    background = f'<rect width="{WIDTH}" height="{top}" fill="#fff"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">'
    return f"{svg}\n<style>{STYLE}</style>\n{background}\n{body}\n</svg>\n"


def _panel(panel: Panel, top: int) -> list[str]:
    parts = [f'<text x="10" y="{top + 10}" class="t">{escape(panel.title)}</text>']
    low, high = decades(value for value in panel.values.values() if value)
    first = top + 18
    bottom = first + ROW * len(panel.values)
    for power in range(low, high + 1):
        x = LABELS + PLOT * (power - low) / (high - low)
        parts.append(f'<line x1="{x:.1f}" y1="{first}" x2="{x:.1f}" y2="{bottom}" class="g"/>')
    for number, (name, value) in enumerate(panel.values.items()):
        y = first + ROW * number
        parts.append(f'<text x="{LABELS - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>')
        length = PLOT * share(value, low, high)
        colour = COLOURS.get(name, OTHERS)
        parts.append(
            f'<rect x="{LABELS}" y="{y + 3}" width="{length:.1f}" height="{ROW - 6}" fill="{colour}"/>'
        )
        parts.append(f'<text x="{LABELS + length + 6:.1f}" y="{y + 14}">{figure(value)}</text>')
    return parts


def decades(values: Iterable[float]) -> tuple[int, int]:
    """Powers of ten below the smallest and above the largest value, at least one apart."""
    known = [value for value in values if value > 0]
    if not known:
        return 0, 1
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    return low, max(high, low + 1)


def share(value: float | None, low: int, high: int) -> float:
    """Where a value lies between two powers of ten, 0 to 1."""
    if not value or value <= 0:
        return 0.0
    return min(1.0, max(0.0, (math.log10(value) - low) / (high - low)))


def figure(value: float | None) -> str:
    """At most three significant digits below a thousand, none after the point above."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
