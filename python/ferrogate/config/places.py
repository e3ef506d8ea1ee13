"""Where each part of the configuration was written, and what is wrong with it.

A location is the path of keys and positions from the top, as pydantic gives it: ``("providers", "openai",
"keys", 0)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Location", "Place", "Places", "Problem", "dotted"]

Location = tuple[str | int, ...]
Said = Literal["file", "env", "flag"]


def dotted(location: Location) -> str:
    """``providers.openai.keys[0].value``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True, slots=True)
class Place:
    """A line and column of the file (from 1), or the name of a variable or flag."""

    said: Said
    label: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.label}:{self.line}:{self.column}" if self.line else self.label


@dataclass(slots=True)
class Places:
    """The place of every key and value."""

    label: str = ""
    values: dict[Location, Place] = field(default_factory=dict)
    keys: dict[Location, Place] = field(default_factory=dict)

    def value(self, location: Location) -> Place:
        """Where a value stands; where it is missing, the nearest thing around it."""
        return self.values.get(self._written(location), Place("file", self.label or "configuration"))

    def key(self, location: Location) -> Place:
        """Where a key stands; where there is none, its value's place."""
        written = (*self._written(location[:-1]), *location[-1:])
        return self.keys.get(written) or self.value(location)

    def _written(self, location: Location) -> Location:
        """Return the location in the file's own words: a short form leaves parts of it out."""
        written: Location = ()
        for part in location:
            if (*written, part) in self.values:
                written = (*written, part)
        return written

    def settings(self) -> Iterator[tuple[str, Place]]:
        """Every value that may be a setting, at the top, in a section or in one inside it, by dotted name."""
        for location, place in self.values.items():
            if len(location) <= 3 and all(isinstance(part, str) for part in location):
                yield dotted(location), place


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, as a sentence that says what to write instead."""

    place: Place
    location: Location
    sentence: str

    def __str__(self) -> str:
        path = f"{dotted(self.location)} " if self.location else ""
        return f"{self.place}: {path}{self.sentence}"
