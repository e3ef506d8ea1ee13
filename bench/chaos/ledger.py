"""What both sides of the gateway wrote down."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Asked", "End", "Ledger", "Rows", "Sent"]


class End(StrEnum):
    """How an answer ended, as the client saw it."""

    WHOLE = "whole"
    CUT = "cut"
    LEFT = "left"
    """The client left on its own."""
    NONE = "none"
    """The connection ended before any answer."""


class Rows(StrEnum):
    """How many rows of the log a request must have."""

    ONE = "one"
    MAYBE = "at most one"
    NONE = "none"


@dataclass
class Asked:
    """One request, as its client saw it."""

    id: str
    behaviour: str
    stream: bool = False
    rows: Rows = Rows.ONE
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    end: End = End.NONE
    begun: float = 0.0
    ended: float = 0.0


@dataclass(frozen=True)
class Sent:
    """One answer, as the fault proxy sent it.

    ``body`` is what a reader can make of it without its framing, ``whole`` whether the framing was brought to
    its end; an answer that is no HTTP at all has status 0.
    """

    provider: str
    fault: str
    status: int
    body: bytes
    whole: bool


@dataclass
class Ledger:
    """Both sides of one run."""

    asked: list[Asked] = field(default_factory=list)
    sent: dict[str, list[Sent]] = field(default_factory=lambda: defaultdict(list))
    faults: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    changes: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def note_change(self, what: str) -> None:
        """Count a change of the configuration."""
        self.changes[what] += 1
