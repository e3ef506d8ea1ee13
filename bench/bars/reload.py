"""A thousand changes of configuration under load, by the admin API: no request may fail.

Each change is one that a person makes (a key, its weight, an alias, a limit) and one snapshot for the engine.
Two generators ask for JSON and for streams meanwhile: at a rate that leaves the machine time for a hundred
changes a second, and as fast as they can, where the changes come as fast as they are let.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from ferrogate.cli.bench.compare import Tell
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.load import Load, run_load
from ferrogate.cli.bench.processes import memory_bytes, wait_idle
from ferrogate.cli.bench.servers import ServerError, start_gateway

from .registry import Pace, Part, Run, Settings, Step
from .report import Bar, Findings

MB = 1_000_000
CHANGES_A_SECOND = 100
WARM_UP = 100
CONNECTIONS = 16


@dataclass(frozen=True)
class Rates:
    """Requests a second of each generator; 0 is as fast as it can."""

    json: float
    streams: float


STEADY, SATURATED = Rates(500.0, 100.0), Rates(0.0, 0.0)


@dataclass
class Asking:
    """One generator that asks in spells of a second, until told to stop."""

    url: str
    stream: bool
    rate: float
    sent: int = 0
    failed: int = 0
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        load = Load(rate=self.rate, duration=1.0, stream=self.stream, connections=CONNECTIONS)
        while not self._stopping.is_set():
            report = run_load(load, self.url, {}, None)
            requests = report["requests"]
            self.sent += requests["sent"]
            self.failed += requests["sent"] - requests["ok"]
            if requests["sent"] != requests["ok"] and len(self.words) < 5:
                self.words.append(f"{report.get('errors')} {report.get('statuses', '')}")


def under(rates: Rates) -> Run:
    """Change so many times; count what failed, and what is kept of older configurations afterwards."""

    def run(lab: Lab, settings: Settings, tell: Tell) -> Findings:
        return _changes(rates, lab, settings, tell)

    return run


def _changes(rates: Rates, lab: Lab, settings: Settings, tell: Tell) -> Findings:
    count = settings.pace.rounds if not settings.quick else 100
    server = lab.add(start_gateway("native", lab.folder, lab.mock.url, workers=2))
    lab.script({"chunks": 5, "chunk_bytes": 50})
    with httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False, timeout=30.0) as admin:
        asking = [
            Asking(server.url, stream=stream, rate=rate)
            for stream, rate in ((False, rates.json), (True, rates.streams))
        ]
        try:
            steps = _steps(admin)
            for _ in range(WARM_UP):
                next(steps)
            before, generation = memory_bytes(server.pids)[0], _engine(admin)["generation"]
            begun = time.perf_counter()
            for number in range(count):
                if number % 50 == 0:
                    tell(f"reload: {number} of {count}")
                time.sleep(max(0.0, begun + number / CHANGES_A_SECOND - time.perf_counter()))
                next(steps)
            spent = time.perf_counter() - begun
        finally:
            for each in asking:
                each.end()
        wait_idle(server.pids)
        engine = _engine(admin)
        after = memory_bytes(server.pids)[0]
    if engine["generation"] - generation != count:
        raise ServerError(f"{count} changes made {engine['generation'] - generation} snapshots")
    sent, failed = (sum(getattr(each, name) for each in asking) for name in ("sent", "failed"))
    detail = f"{sent:,} requests, {count:,} changes at {count / spent:.0f} a second"
    load = f"{rates.json:g} + {rates.streams:g} requests/s" if rates.json else "saturation"
    return Findings(
        bars=[
            Bar(f"requests that failed during changes, at {load}", failed, "requests", 0, detail),
            Bar(f"snapshots in memory afterwards, at {load}", engine["snapshots"], "snapshots", 1),
            Bar(
                f"memory gained by the changes, at {load}", (after - before) / MB, "MB", None, "load included"
            ),
        ],
        notes=[words for each in asking for words in each.words],
    )


def _engine(admin: httpx.Client) -> dict[str, Any]:
    return dict(_call(admin, "GET", "status")["engine"])


def _steps(admin: httpx.Client) -> Iterator[None]:
    """Make one change after the other, and unmake them."""
    number = 0
    while True:
        number += 1
        key = {"provider": "openai", "name": f"key-{number}", "value": f"sk-bench-reload-{number:016}"}
        made = _call(admin, "POST", "keys", key)
        yield
        _call(admin, "PATCH", f"keys/{made['id']}", {"weight": 0.5})
        yield
        _call(admin, "PUT", "models/reloaded", {"targets": ["mock/echo", "openai/gpt-4o-mini"]})
        yield
        _call(admin, "PATCH", "config", {"limits": {"json_body": f"{16 + number % 16}MiB"}})
        yield
        _call(admin, "DELETE", f"keys/{made['id']}")
        yield


def _call(admin: httpx.Client, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = admin.request(method, path, json=body)
    if not answer.is_success:
        raise ServerError(f"{method} {path}: {answer.status_code} {answer.text}")
    return answer.json() if answer.content else None


_PACE = Pace(1_000, 0.0, 0.0)

PART = Part(
    "reload",
    "requests that fail while the configuration changes",
    {
        "steady": Step(under(STEADY), _PACE, lambda pace: 10.0 + pace.rounds / CHANGES_A_SECOND),
        "saturated": Step(under(SATURATED), _PACE, lambda pace: 10.0 + pace.rounds / 20),
    },
)
