"""One gateway for all cells of the matrix: its lanes are declared before it starts, and cells run at once."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matrix import Cell
from matrix_providers import Authorities, Failing, failing, works
from provoke import Case, ask

from harness.doors import Door
from harness.gateway import Gateway, until
from harness.upstream import Exchange, Upstream
from harness.wire import Answer

__all__ = ["Lane", "Stage", "lanes_of", "stage"]

SIDE_BY_SIDE = 16
PATIENCE = 24
"""Requests within which one meets a connection that was used: more than there are engine threads."""
GOOD = "works"


@dataclass(frozen=True)
class Lane:
    """A provider, and the name that its key and its model have: no other cell uses them."""

    provider: str
    name: str

    @property
    def secret(self) -> str:
        return f"secret-of-{self.name}"


def lanes_of(cell: Cell) -> list[Lane]:
    """In the order in which they are tried."""
    bad = [Lane(cell.fault.id, f"{cell}.{number}") for number in range(cell.plan.bad)]
    return bad + [Lane(GOOD, f"{cell}.{GOOD}")] * cell.plan.good


class Stage:
    """The gateway, its providers, and what the cells saw."""

    def __init__(self, gateway: Gateway, providers: dict[str, Failing]) -> None:
        self.gateway = gateway
        self.providers = providers
        self.served: defaultdict[str, list[bytes]] = defaultdict(list)
        """By key: the bodies that came to the provider that works."""
        self.lanes: dict[tuple[str, str], dict[str, Any]] = {}
        """What the gateway counted, by provider and key."""
        self._seen: dict[str, Future[tuple[Answer, int]]] = {}

    def case(self, cell: Cell) -> Case:
        return self.providers[cell.fault.id].case_of(cell.moment)

    def seen(self, cell: Cell) -> tuple[Answer, int]:
        """A cell's last answer, and how many it asked for."""
        return self._seen[str(cell)].result()

    def arrived(self, lane: Lane) -> list[bytes | None]:
        """The bodies that came by a lane."""
        if lane.provider == GOOD:
            return list(self.served.get(lane.secret, []))
        return self.providers[lane.provider].arrived.get(lane.secret, [])

    def run(self, cells: Sequence[Cell]) -> None:
        """Ask for every cell, in turn of different faults, so that few connections to each provider are open.

        httpcore looks at all idle ones for each of them, at every request: 75 s of the Python engine's cells
        were 19 in this order.
        """
        spread = sorted(cells, key=lambda cell: (cell.moment, cell.plan.name))
        with ThreadPoolExecutor(1) as line, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for cell in spread:
                turn = line if self.providers[cell.fault.id].alone else pool
                self._seen[str(cell)] = turn.submit(self._ask, cell)

        def settled() -> list[dict[str, Any]] | None:
            found = self.gateway.call("GET", "lanes")["items"]
            return None if any(lane["in_flight"] for lane in found) else found

        found = until(settled, "the end of all attempts")
        self.lanes = {(lane["provider"], lane["key"]): lane for lane in found}

    def _ask(self, cell: Cell) -> tuple[Answer, int]:
        provider, first = self.providers[cell.fault.id], lanes_of(cell)[0]
        for asked in range(1, PATIENCE + 1):
            answer = ask(self.gateway, str(cell), self.case(cell))
            struck = provider.strikes is None or provider.strikes[first.secret] >= provider.asks
            if struck and asked >= provider.asks:
                return answer, asked
        raise AssertionError("the fault did not come")


@contextlib.contextmanager
def stage(door: Door, folder: Path, authorities: Authorities, cells: Sequence[Cell]) -> Iterator[Stage]:
    """Start the providers and the gateway, and run the cells."""
    with contextlib.ExitStack() as open_until_the_end:
        enter = open_until_the_end.enter_context
        faults = {cell.fault.id: cell.fault for cell in cells}
        providers = {name: enter(failing(fault, authorities)) for name, fault in faults.items()}
        good = enter(Upstream())
        gateway = Gateway(folder, door, config=_config(cells, providers, good.url))
        made = Stage(gateway, providers)

        def serve(exchange: Exchange) -> None:
            key = str(exchange.request.header("authorization")).removeprefix("Bearer ")
            made.served[key].append(exchange.request.body)
            works(exchange)

        good.script = serve
        enter(gateway)
        made.run(cells)
        yield made


def _config(cells: Sequence[Cell], providers: dict[str, Failing], good: str) -> dict[str, Any]:
    declared: dict[str, dict[str, Any]] = {
        name: {
            "kind": "openai-compatible",
            "base_url": failing.url,
            "timeouts": dict(failing.case.timeouts),
            "keys": [],
            **({"tls": {"ca": str(failing.ca)}} if failing.ca else {}),
        }
        for name, failing in providers.items()
    }
    declared[GOOD] = {"kind": "openai-compatible", "base_url": good, "keys": []}
    for cell in cells:
        for lane in lanes_of(cell):
            key = {"name": lane.name, "value": lane.secret, "models": [lane.name]}
            declared[lane.provider]["keys"].append(key)
    models = {
        str(cell): {"targets": [f"{lane.provider}/{lane.name}" for lane in lanes_of(cell)]} for cell in cells
    }
    return {"providers": declared, "models": models}
