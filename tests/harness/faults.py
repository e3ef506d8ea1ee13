"""The table of faults: what goes wrong, and what everybody sees of it.

A row is written once, in ``tests/faults/*_table.py``; a test drives it, and ``docs/faults.md`` is made from
it (``python tests/faults/page.py``), so the page says only what the tests have seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["ANY", "Fault", "Moment", "Side", "Whose"]

Side = Literal["client", "upstream"]
Moment = Literal["json", "before", "after"]
"""Of a JSON answer, of a stream before its first token, or after it."""
Whose = Literal["nobody", "client", "filter", "key", "limit", "lane"]

ANY: tuple[Moment, ...] = ("json", "before")
"""What happens before there is an answer, whatever was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong."""

    id: str
    """Short, with dashes: the test's id."""
    side: Side
    """Who does it."""
    group: str
    """The heading that it stands under on the page."""
    what: str
    """What happens, in a few words."""
    status: int | None
    """The status that the client sees; none where its connection ends without an answer."""
    code: str | None = None
    """The stable identifier in the answer or the error event; none where there is none."""
    answer: str
    """What the client gets, in a sentence."""
    whose: Whose = "nobody"
    """Whose failure a provider's fault is; nobody's where nothing failed."""
    moments: tuple[Moment, ...] = ()
    """When it can happen to a request for inference."""
    retried: str = "no"
    """``no``, ``next lane``, or ``same lane once``."""
    row: str | None
    """The log row's ``outcome``; none where nothing is logged, because no request was read."""
    error: str | None = None
    """The log row's ``error``."""
    doors: Mapping[str, str] = field(default_factory=dict)
    """Where another door differs: door -> a sentence, which the test of that door has seen."""
