"""Which scenarios are meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

__all__ = ["UnknownScenarioError", "choose"]


class UnknownScenarioError(ValueError):
    """No scenario has that name; the text says the nearest."""


def choose(wanted: Iterable[str], names: Sequence[str]) -> list[str]:
    """Names in their own order; a wanted one is a name or a part that one or more have, none are all.

    Raises:
        UnknownScenarioError: nothing has it.

    """
    chosen: set[str] = set()
    for text in wanted:
        chosen.update(_meant(text, names))
    return [name for name in names if name in chosen] if chosen else list(names)


def _meant(text: str, names: Sequence[str]) -> list[str]:
    asked = text.strip().lower()
    exact = [name for name in names if name.lower() == asked]
    found = exact or [name for name in names if asked and asked in name.lower()]
    if found:
        return found
    nearest = max(names, key=lambda name: _likeness(asked, name))
    raise UnknownScenarioError(f"no scenario is called {text!r}; did you mean {nearest!r}? --list has all")


def _likeness(asked: str, name: str) -> float:
    """How like a name, or a word of it, a text is: 0 to 1."""
    whole = name.lower()
    return max(SequenceMatcher(None, asked, part).ratio() for part in (whole, *whole.split()))
