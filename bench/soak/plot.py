"""A small writer of SVG: panels of lines over one axis of time, readable without a program."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

__all__ = ["Line", "Panel", "draw"]

WIDTH, LEFT, RIGHT, TOP = 960, 90, 210, 74
HEIGHT, GAP, FOOT = 130, 34, 46
INK, SOFT, GRID, SHADE = "#1f2430", "#667085", "#e4e7ec", "#f5f7fa"
COLOURS = ("#2563eb", "#d9480f", "#0f766e", "#7c3aed", "#b45309")


@dataclass(frozen=True)
class Line:
    """One series; ``trend`` is a straight piece from (x, y) to (x, y)."""

    name: str
    values: Sequence[float]
    trend: tuple[tuple[float, float], tuple[float, float]] | None = None


@dataclass(frozen=True)
class Panel:
    """Lines that share a unit; ``note`` stands at the right, one line each."""

    title: str
    unit: str
    lines: Sequence[Line]
    note: Sequence[str] = field(default_factory=tuple)


def draw(
    title: str, subtitle: str, seconds: Sequence[float], panels: Sequence[Panel], *, judged: float
) -> str:
    """Return the drawing; what is right of ``judged`` seconds is shaded."""
    height = TOP + len(panels) * (HEIGHT + GAP) + FOOT
    end = max(seconds[-1], 1e-9)
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(LEFT, 28, title, size=18, weight="600"),
        _text(LEFT, 48, subtitle, fill=SOFT),
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, TOP + number * (HEIGHT + GAP), seconds, end, judged)
    base = TOP + len(panels) * (HEIGHT + GAP) - GAP
    minutes = end / 60
    for tick in ticks(0, minutes, 10):
        x = _x(tick * 60, end)
        parts.append(_text(x, base + 18, f"{tick:g}", anchor="middle", fill=SOFT))
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    parts.append(_text(middle, base + 36, "minutes", anchor="middle", fill=SOFT))
    return "\n".join([*parts, "</svg>", ""])


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values from ``low`` to ``high``, at most about ``most``."""
    span = max(high - low, 1e-9)
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _panel(panel: Panel, top: float, seconds: Sequence[float], end: float, judged: float) -> list[str]:
    values = [value for line in panel.lines for value in line.values]
    high = max([*values, 0.0])
    high = high * 1.08 if high > 0 else 1.0

    def y(value: float) -> float:
        return top + HEIGHT - value / high * HEIGHT

    right = WIDTH - RIGHT
    shade = _x(judged, end)
    parts = [
        f'<rect x="{shade:.1f}" y="{top}" width="{right - shade:.1f}" height="{HEIGHT}" fill="{SHADE}"/>'
    ]
    for tick in ticks(0, high, 4):
        at = y(tick)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{right}" stroke="{GRID}"/>')
        parts.append(_text(LEFT - 8, at + 4, f"{tick:,g}", anchor="end", fill=SOFT))
    parts.append(_text(LEFT, top - 8, f"{panel.title}, {panel.unit}", weight="600"))
    for number, line in enumerate(panel.lines):
        colour = COLOURS[number % len(COLOURS)]
        points = zip(seconds, line.values, strict=True)
        path = " ".join(f"{_x(at, end):.1f},{y(value):.1f}" for at, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        if line.trend is not None:
            (x1, y1), (x2, y2) = line.trend
            ends = f'x1="{_x(x1, end):.1f}" y1="{y(y1):.1f}" x2="{_x(x2, end):.1f}" y2="{y(y2):.1f}"'
            parts.append(f'<line {ends} stroke="{INK}" stroke-dasharray="5 4"/>')
        parts.append(_text(right + 12, top + 12 + 16 * number, line.name, fill=colour, weight="600"))
    for number, note in enumerate(panel.note):
        parts.append(_text(right + 12, top + 20 + 16 * (len(panel.lines) + number), note, fill=SOFT, size=11))
    return parts


def _x(second: float, end: float) -> float:
    return LEFT + second / end * (WIDTH - LEFT - RIGHT)


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 12,
    anchor: str = "start",
    fill: str = INK,
    weight: str = "400",
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" font-weight="{weight}" fill="{fill}">{escape(text)}</text>'
