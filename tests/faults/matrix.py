"""The fault matrix: each fault of a provider, at each moment that it can come, with one to three lanes.

Three small tables say what is expected: the faults' own (``upstream_*_table.py``: whose failure it is, and
what the client of a single lane sees), :data:`RULES` and :data:`PLANS`. Each cell's outcome follows from them
by :attr:`Cell.expected`; ``test_matrix.py`` drives every cell, and ``page.py`` prints it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import get_args

from harness.faults import Fault, Moment, Whose

__all__ = ["PLANS", "RULES", "Cell", "Expected", "Plan", "Rule", "cells", "render"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows from whose failure it is."""

    again: bool
    """The next lane is tried, where the client has seen no content."""
    counts: bool
    """It counts as a failure of the lane."""
    meaning: str


RULES: Mapping[Whose, Rule] = {
    "nobody": Rule(again=False, counts=False, meaning="nothing failed that a client would notice"),
    "client": Rule(again=False, counts=False, meaning="the request is wrong everywhere"),
    "filter": Rule(again=False, counts=False, meaning="the provider works, and did not want to"),
    "key": Rule(again=True, counts=True, meaning="the key is refused; the next one may serve"),
    "limit": Rule(again=True, counts=True, meaning="the lane is at its limit"),
    "lane": Rule(again=True, counts=True, meaning="the lane has a fault"),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The lanes of a request, in their order: so many that have the fault, then perhaps one that works."""

    name: str
    bad: int
    good: int


PLANS = (
    Plan("1", 1, 0),
    Plan("2", 1, 1),
    Plan("3", 2, 1),
    Plan("all-2", 2, 0),
    Plan("all-3", 3, 0),
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a cell comes to: the first ``tried`` lanes are asked, once each."""

    tried: int
    served: bool
    """The client has the answer of the lane that works and nothing of the others; else that of the last."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One square of the matrix."""

    fault: Fault
    moment: Moment
    plan: Plan

    def __str__(self) -> str:
        return f"{self.fault.id}.{self.moment}.{self.plan.name}"

    @property
    def expected(self) -> Expected:
        """Derived from whose failure it is, and from the lanes there are."""
        if self.moment == "after" or not RULES[self.fault.whose].again:
            return Expected(tried=1, served=False)
        return Expected(tried=self.plan.bad + self.plan.good, served=self.plan.good > 0)

    @property
    def text(self) -> str:
        """As it stands on the page."""
        tried = self.expected.tried
        if self.expected.served:
            return f"→ {tried}"
        own = f"{self.fault.status} cut" if self.fault.row == "cut" else str(self.fault.status)
        return own if tried == 1 else f"{own} x{tried}"


def cells(faults: Iterable[Fault]) -> Iterator[Cell]:
    """Give every cell, in the order of the page."""
    for fault in faults:
        for moment in fault.moments:
            yield from (Cell(fault, moment, plan) for plan in PLANS)


INTRODUCTION = """
## The matrix

Every fault of a provider that can come to a request for inference, with one to three lanes behind the name
of the model. Each square is a test: the native door runs all, the uvicorn door a third, the Python engine
what it speaks. What stands in it follows from whose failure it is:

| whose | what it means | before the first token | after it | a failure of the lane |
|---|---|---|---|---|
"""

LEGEND = """
"2" and "3" are lanes of which all but the last have the fault; of "all 2" and "all 3" that one has it too.
In a square `→ 2` is the whole answer of the second lane, with nothing of the first, in two attempts; `502` is
what the tables above say of a single lane, in one attempt; `502 x2` is that of the second lane, in two
attempts, with `x-should-retry: false` where it is an error's status; `-` cannot come there. No lane is asked
twice.
"""


def render(faults: Iterable[Fault]) -> str:
    """Give the part of the page."""
    lines = [INTRODUCTION.rstrip("\n")]
    for whose in get_args(Whose):
        rule = RULES[whose]
        again, counts = "next lane" if rule.again else "relayed", "yes" if rule.counts else "no"
        lines.append(f"| {whose} | {rule.meaning} | {again} | relayed | {counts} |")
    lines.append(LEGEND)
    plans = [plan.name.replace("-", " ") for plan in PLANS]
    heads = [*(f"JSON: {plans[0]}", *plans[1:]), *(f"stream, before: {plans[0]}", *plans[1:]), "after: any"]
    lines += ["| " + " | ".join(["fault", "whose", *heads]) + " |", "|---" * (len(heads) + 2) + "|"]
    for group, members in groupby(faults, key=lambda fault: fault.group):
        rows = [_row(fault) for fault in members if fault.moments]
        lines += ["| " + " | ".join([f"**{group}**", *[""] * (len(heads) + 1)]) + " |", *rows]
    return "\n".join(lines) + "\n"


def _row(fault: Fault) -> str:
    squares = [*_squares(fault, "json"), *_squares(fault, "before"), *_squares(fault, "after")[:1]]
    return "| " + " | ".join([fault.what, fault.whose, *squares]) + " |"


def _squares(fault: Fault, moment: Moment) -> Sequence[str]:
    return [Cell(fault, moment, plan).text if moment in fault.moments else "-" for plan in PLANS]
