"""Durations, sizes and shares as people write them: ``300s``, ``250ms``; ``32MiB``, ``64kB``; ``5%``.

A bare number is seconds, bytes or a share of 1. Durations become whole milliseconds, sizes whole bytes and
shares numbers from 0 to 1, the units of the snapshot. Where a section is written as JSON they are spelled out
again.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

__all__ = [
    "Bytes",
    "Milliseconds",
    "Share",
    "Timeout",
    "duration_ms",
    "format_bytes",
    "format_ms",
    "share",
    "size_bytes",
]

_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_BYTES = {
    "B": 1,
    "kB": 10**3, "MB": 10**6, "GB": 10**9,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
_BYTES_ANY_CASE = {unit.lower(): factor for unit, factor in _BYTES.items()}
_QUANTITY = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", re.ASCII)
_SHARE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(%?)\s*", re.ASCII)
_LARGEST = 2**53


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # A whole number may be too long for a float; beyond any use it is all the same.
    return float(min(max(value, -_LARGEST), 2 * _LARGEST)) if isinstance(value, int) else value


def _whole(amount: float, example: str) -> int:
    if not 0 <= amount <= _LARGEST:
        raise ValueError(f"is out of range; write {example}")
    return round(amount)


def duration_ms(value: object) -> int:
    """Milliseconds of a duration. Raises ValueError with a sentence that says what to write."""
    example = "a duration such as 300s, 5m or 250ms (a bare number is seconds)"
    number = _number(value)
    if number is not None:
        return _whole(number * 1_000, example)
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    factor = _MS.get(match[2] or "s") if match else None
    if match is None or factor is None:
        raise ValueError(f"is not a duration; write {example}")
    return _whole(float(match[1]) * factor, example)


def size_bytes(value: object) -> int:
    """Bytes of a size. Raises ValueError with a sentence that says what to write."""
    example = "a size such as 32MiB, 64kB or 1GiB (a bare number is bytes)"
    number = _number(value)
    if number is not None:
        return _whole(number, example)
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    factor = _BYTES_ANY_CASE.get((match[2] or "B").lower()) if match else None
    if match is None or factor is None:
        raise ValueError(f"is not a size; write {example}")
    return _whole(float(match[1]) * factor, example)


def share(value: object) -> float:
    """Part of a whole, from 0 to 1. Raises ValueError with a sentence that says what to write."""
    example = "a share such as 0.05 or 5%"
    number = _number(value)
    if number is None:
        match = _SHARE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ValueError(f"is not a share; write {example}")
        number = float(match[1]) / (100 if match[2] else 1)
    if not 0 <= number <= 1:
        raise ValueError(f"is not between 0 and 1; write {example}")
    return number


def format_ms(value: int) -> str:
    """Spell it as short as is exact: ``300s``, ``1500ms``."""
    return f"{value // 1_000}s" if value % 1_000 == 0 else f"{value}ms"


def format_bytes(value: int) -> str:
    """Spell it as short as is exact: ``32MiB``, ``64kB``, ``1000001B``."""
    exact = [f"{value // size}{unit}" for unit, size in _BYTES.items() if value % size == 0 and value >= size]
    return min(exact, key=len, default=f"{value}B")


def _schema(pattern: str, description: str) -> dict[str, Any]:
    return {
        "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": pattern}],
        "description": description,
    }


def _more_than_nothing(value: int) -> int:
    if value == 0:
        raise ValueError("must be more than 0")
    return value


Milliseconds = Annotated[
    int,
    BeforeValidator(duration_ms),
    PlainSerializer(format_ms, when_used="json"),
    WithJsonSchema(_schema(r"^[0-9]+(\.[0-9]+)? ?(ms|s|m|h|d)?$", "300s, 5m, 250ms; a number is seconds")),
]
"""A duration in whole milliseconds."""

Timeout = Annotated[Milliseconds, AfterValidator(_more_than_nothing)]
"""A duration that is not 0: there is no way to switch a clock off but a long time."""

Bytes = Annotated[
    int,
    BeforeValidator(size_bytes),
    AfterValidator(_more_than_nothing),
    PlainSerializer(format_bytes, when_used="json"),
    WithJsonSchema(
        _schema(r"^[0-9]+(\.[0-9]+)? ?([kKmMgG]i?)?[bB]?$", "32MiB, 64kB; a number is bytes"),
    ),
]
"""A size in whole bytes, at least one."""

Share = Annotated[
    float,
    BeforeValidator(share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?|\.[0-9]+) ?%?$"},
            ],
            "description": "0.05, 5%",
        }
    ),
]
"""A part of a whole, from 0 to 1."""
