"""What a part of the bars is, and where parts come from.

A part is a module of this package with a ``PART``; a new one is a new file and nothing else::

    def cycles(room: Lab, settings: Settings, tell: Tell) -> Findings:
        for number in range(settings.pace.rounds):
            tell(f"kill: {number + 1} of {settings.pace.rounds}")
        return Findings(bars=[Bar("rows lost", 0, "rows", 0)])

    PART = Part("kill", "rows after kill -9", {"cycles": Step(cycles, Pace(20, 2.0, 1.0))})

``room`` is a fresh lab: what is started in it is ended after the step. A bar that is missed, or a step that
raises a FerrogateError or OSError, makes the command end with 1; the other steps' figures are kept.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ferrogate.cli.bench.compare import Tell
from ferrogate.cli.bench.lab import Lab

from .report import Findings

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Pace:
    """How often the servers take turns, how long each run is, and how long they are warmed up, in seconds."""

    rounds: int
    seconds: float
    warmup: float

    def __str__(self) -> str:
        return f"{self.rounds} rounds of {self.seconds:g} s after {self.warmup:g} s"


QUICK = Pace(rounds=1, seconds=1.0, warmup=0.3)


@dataclass(frozen=True)
class Settings:
    """What a step is told. ``quick`` asks for the least that shows that it works."""

    pace: Pace
    quick: bool = False
    dist: Path = ROOT / "dist"
    install: bool = True


Run = Callable[[Lab, Settings, Tell], Findings]


@dataclass(frozen=True)
class Step:
    """One measurement: its runner, the pace of the full method, and how many seconds it takes at a pace."""

    run: Run
    pace: Pace
    takes: Callable[[Pace], float] | None = None

    def settings(self, asked: Asked) -> Settings:
        pace = self.pace
        if asked.quick:
            pace = Pace(QUICK.rounds, min(pace.seconds, QUICK.seconds), min(pace.warmup, QUICK.warmup))
        given: dict[str, Any] = {"rounds": asked.rounds, "seconds": asked.seconds, "warmup": asked.warmup}
        pace = replace(pace, **{name: value for name, value in given.items() if value is not None})
        return Settings(pace, asked.quick, asked.dist, asked.install)


@dataclass(frozen=True)
class Asked:
    """What the command line said; None leaves the step its own."""

    rounds: int | None = None
    seconds: float | None = None
    warmup: float | None = None
    quick: bool = False
    dist: Path = ROOT / "dist"
    install: bool = True


@dataclass(frozen=True)
class Part:
    """Steps under one name, each of which can also be run alone as ``PART.STEP``."""

    name: str
    about: str
    steps: Mapping[str, Step] = field(default_factory=dict)


class UnknownPartError(ValueError):
    """No part or step has that name."""


def find_parts() -> dict[str, Part]:
    """The parts of this package by name, in the order of their modules."""
    package = importlib.import_module(__package__ or "bench.bars")
    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("_"):
            continue
        part = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "PART", None)
        if isinstance(part, Part):
            found[part.name] = part
    return found


def choose(parts: Mapping[str, Part], names: Iterable[str]) -> dict[str, Step]:
    """Steps by ``PART.STEP``; a name is a part or one of its steps, and no names are all of them."""
    chosen: dict[str, Step] = {}
    for name in list(names) or list(parts):
        part, _, wanted = name.partition(".")
        if part not in parts or (wanted and wanted not in parts[part].steps):
            known = [f"{each.name} ({', '.join(each.steps)})" for each in parts.values()]
            raise UnknownPartError(f"{name}: the parts are {'; '.join(known)}")
        for step in [wanted] if wanted else parts[part].steps:
            chosen[f"{part}.{step}"] = parts[part].steps[step]
    return chosen


def turns(servers: int, *, modes: int = 1, around: float = 1.5) -> Callable[[Pace], float]:
    """The time of servers that take turns; ``around`` is the wait for idleness before and after a run."""
    return lambda pace: (
        servers * (2.0 + pace.warmup) + pace.rounds * modes * servers * (pace.seconds + around)
    )
