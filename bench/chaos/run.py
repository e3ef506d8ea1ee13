"""One run: start, warm up, let everything go wrong, come to rest, compare the books."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ferrogate.cli.bench import servers

from .changes import MOVING, Operator
from .checks import Violation, check
from .clients import Client, Place
from .gateway import ALIAS, STALL_S, Footprint, Gateway
from .ledger import Ledger
from .proxy import Provider

__all__ = ["Options", "Report", "chaos"]

WORDS = ("Traceback", "panicked", "Task exception was never retrieved", "Exception in ASGI")
"""What the gateway must never say, whatever happens to it."""
SLACK: Footprint = {"fds": 12, "threads": 8, "rss": 64 << 20}
"""How much more than after the calm warm-up it may hold in the end."""
_REST_S = 20.0
"""Idle upstream connections and Python's worker threads are given so long to go."""


@dataclass(frozen=True)
class Options:
    """What a run is like."""

    seconds: float = 600.0
    seed: int = 0
    door: str = "native"
    clients: int = 24
    warmup: float = 2.0


@dataclass
class Report:
    """What came of it."""

    options: Options
    requests: int = 0
    rows: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    behaviours: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    before: Footprint = field(default_factory=dict)
    after: Footprint = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)


def chaos(options: Options, tell: Callable[[str], None] = lambda _: None) -> Report:
    """Run it. The seed decides what is done; what meets what is the scheduler's doing."""
    return asyncio.run(_chaos(options, tell))


async def _chaos(options: Options, tell: Callable[[str], None]) -> Report:
    ledger, report = Ledger(), Report(options)
    with tempfile.TemporaryDirectory(prefix="ferrogate-chaos-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        mock = servers.start_mock(folder, "--no-record")
        stack.callback(mock.stop)
        providers = [Provider(one, mock.url, ledger, _rng(options, one)) for one in ("a", "b", "c")]
        for one in providers:
            await one.listen()
        gateway = Gateway(folder, options.door, providers)
        stack.callback(gateway.server.stop)
        try:
            await _drive(options, gateway, providers, ledger, report, tell)
            rows = await gateway.rows()
            total = (await gateway.metrics())["ferrogate_requests_total"]
        finally:
            await gateway.admin.aclose()
            for one in providers:
                await one.close()
        gateway.server.stop()
        said = gateway.errors.read_text("utf-8", "replace")
    report.requests, report.rows = len(ledger.asked), len(rows)
    report.outcomes = dict(Counter(row["outcome"] for row in rows))
    report.statuses = dict(Counter(f"{asked.status} {asked.end}" for asked in ledger.asked))
    report.behaviours = dict(Counter(asked.behaviour for asked in ledger.asked))
    report.faults, report.changes = dict(ledger.faults), dict(ledger.changes)
    report.violations += check(ledger, rows, _kinds())
    if total != len(rows):
        report.violations.append(
            Violation(f"the metrics count {total:.0f} requests, the log has {len(rows)}")
        )
    if code := gateway.server.process.returncode:
        report.violations.append(Violation(f"the gateway ended with {code}"))
    report.violations += [Violation(f"the gateway said {word!r}: {said}") for word in WORDS if word in said]
    return report


async def _drive(
    options: Options,
    gateway: Gateway,
    providers: list[Provider],
    ledger: Ledger,
    report: Report,
    tell: Callable[[str], None],
) -> None:
    names = [one.name for one in providers]
    operator = Operator(gateway.admin, names, _rng(options, "changes"), ledger.note_change)
    await operator.begin()
    models = (ALIAS, ALIAS, MOVING, *(f"{name}/echo" for name in names))
    place = Place(gateway.port, models, STALL_S, f"chaos-{options.seed}")
    tell(f"warming up for {options.warmup:g} s")
    await _clients(options, place, ledger, options.warmup, first=0, calm=True)
    await gateway.idle()
    report.before = gateway.footprint()
    for one in providers:
        one.calm = False
    background = [asyncio.create_task(one.outages()) for one in providers]
    background.append(asyncio.create_task(operator.run((0.02, 0.2))))
    tell(f"chaos for {options.seconds:g} s, seed {options.seed}")
    try:
        await _clients(options, place, ledger, options.seconds, first=options.clients, calm=False)
    finally:
        for task in background:
            task.cancel()
        ended = await asyncio.gather(*background, return_exceptions=True)
    broken = [one for one in ended if isinstance(one, Exception)]
    report.violations += [Violation(f"the configuration was not changed as asked: {one}") for one in broken]
    for one in providers:
        await one.close()
    tell("coming to rest")
    gauges = await gateway.idle()
    if gauges["ferrogate_in_flight_requests"] or gauges["ferrogate_client_connections"] > 1:
        report.violations.append(Violation(f"the gauges do not come back: {gauges}"))
    report.after = await _rest(gateway, report.before)
    for name, slack in SLACK.items():
        grown = report.after[name] - report.before[name]
        if grown > slack:
            report.violations.append(
                Violation(f"{name} grew by {grown:,} (bound {slack:,}) and did not come back")
            )


async def _clients(
    options: Options, place: Place, ledger: Ledger, seconds: float, *, first: int, calm: bool
) -> None:
    stopping = asyncio.Event()
    clients = [
        Client(first + number, place, ledger, _rng(options, f"client {first + number}"))
        for number in range(options.clients)
    ]
    tasks = [asyncio.create_task(client.run(stopping, calm=calm)) for client in clients]
    done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    stopping.set()
    # A client that failed has met what none of them foresees: its error ends the run.
    await asyncio.gather(*(done or tasks))
    await asyncio.gather(*tasks)


async def _rest(gateway: Gateway, before: Footprint) -> Footprint:
    """Wait until it holds no more than it may, or long enough."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _REST_S
    while True:
        now = gateway.footprint()
        if all(now[name] - before[name] <= slack for name, slack in SLACK.items()) or loop.time() > end:
            return now
        await asyncio.sleep(0.2)


def _rng(options: Options, name: str) -> random.Random:
    return random.Random(f"{options.seed} {name}")


def _kinds() -> dict[str, int]:
    from ferrogate.engine.facade import error_kinds

    return {kind["id"]: kind["status"] for kind in error_kinds()}


def progress(text: str) -> None:
    """Tell on standard error."""
    print(text, file=sys.stderr, flush=True)


def summary(report: Report) -> dict[str, Any]:
    """The figures, as JSON can hold them."""
    options = report.options
    return {
        "seconds": options.seconds,
        "seed": options.seed,
        "door": options.door,
        "requests": report.requests,
        "rows": report.rows,
        "outcomes": report.outcomes,
        "statuses": report.statuses,
        "behaviours": report.behaviours,
        "faults": report.faults,
        "changes": report.changes,
        "before": report.before,
        "after": report.after,
        "violations": [str(one) for one in report.violations],
    }
