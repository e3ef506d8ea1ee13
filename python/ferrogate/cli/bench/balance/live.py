"""Scenarios of the simulation with real sockets: a mock by key scripts, a gateway, a load, and its log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from rich.console import Console

from ferrogate.cli.bench.balance.judgement import WINDOW, judge
from ferrogate.cli.bench.balance.staging import (
    WAITS,
    Act,
    Play,
    configuration,
    key_of,
    loads,
    name_of,
    stage,
)
from ferrogate.cli.bench.balance.tables import table
from ferrogate.cli.bench.balance.traffic import Traffic, percentile
from ferrogate.cli.bench.lab import Lab, lab
from ferrogate.cli.bench.processes import raise_file_limit
from ferrogate.cli.bench.screen import steps_screen
from ferrogate.cli.bench.servers import Server, ServerError, start_gateway
from ferrogate.cli.bench.together import Together

__all__ = ["run_live", "show_live"]

SEEDS = 5
"""Of the simulation beside it."""
_PAGE = 500
_PATIENCE_S = 30.0
_STEP_S = 0.05


def run_live(
    scenarios: Sequence[Mapping[str, Any]], duration: float, rate: float, screen: Console
) -> list[dict[str, Any]]:
    """Play each scenario on a gateway of its own; returns figures and verdicts, as JSON has them."""
    raise_file_limit()
    outcomes = []
    with lab() as room:
        for number, scenario in enumerate(scenarios):
            play = stage(scenario, duration, rate)
            text = f"{play.name}: {play.seconds:.0f} s at {play.rate:g} streams/s"
            with steps_screen(screen, text) as tell:
                server = _start(room, play, f"balance-{number}")
                try:
                    outcomes.append(_play(room, server, play, tell))
                finally:
                    room.stop(server.name)
    return outcomes


def show_live(console: Console, outcome: Mapping[str, Any]) -> None:
    """Print one scenario: live figures beside the simulated ones, and what each lane was sent."""
    simulated = outcome["simulated"]
    title = f"{outcome['scenario']}: {outcome['seconds']:.0f} s at {outcome['rate']:g} streams/s"
    figures = table(console, title, ["", "live", f"simulated, {SEEDS} seeds"])
    figures.add_row("answered, %", _number(outcome["success"], 100), _number(simulated["success"], 100))
    for name in ("p50", "p99"):
        live = outcome[f"ttft_{name}_s"]
        seconds = None if live is None else live / WAITS
        figures.add_row(f"first token, {name}, s", _number(seconds), _number(simulated[f"ttft_{name}_s"]))
    console.print(figures)
    lanes = table(console, "", ["lane", "sent", "share, %", "failed"])
    for lane in outcome["lanes"]:
        lanes.add_row(lane["lane"], str(lane["sent"]), _number(lane["share"], 100), str(lane["failed"]))
    console.print(lanes)


def _start(room: Lab, play: Play, name: str) -> Server:
    text = configuration(play, room.mock.url)
    server = start_gateway("native", room.folder, room.mock.url, name=name, configuration=text)
    return room.add(server)


def _play(room: Lab, server: Server, play: Play, tell: Callable[[int, int], None]) -> dict[str, Any]:
    with httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False, timeout=30.0) as admin:
        acts = list(play.acts)
        while acts and acts[0].at <= 0:
            _act(room, admin, play, acts.pop(0))
        with Together(loads(play), server.url) as running:
            begun = time.time()
            while not running.is_done():
                passed = time.time() - begun
                while acts and acts[0].at <= passed:
                    _act(room, admin, play, acts.pop(0))
                tell(round(min(passed, play.seconds)), round(play.seconds))
                time.sleep(_STEP_S)
            reports = running.reports()
        expected = sum(report["requests"]["sent"] for report in reports)
        traffic = Traffic.of(_log(admin, expected), begun)
    return _outcome(play, traffic, reports)


def _act(room: Lab, admin: httpx.Client, play: Play, act: Act) -> None:
    room.script(act.script, key_of(act.lane))
    if act.joins:
        key = {"provider": "mock", "name": name_of(act.lane), "value": key_of(act.lane)}
        answer = admin.post("keys", json={**key, "weight": play.weights[act.lane]})
        if not answer.is_success:
            raise ServerError(f"lane {act.lane} did not join: {answer.status_code} {answer.text}")


def _log(admin: httpx.Client, expected: int) -> list[dict[str, Any]]:
    """All rows, once so many are there. Raises ServerError where they do not come."""
    deadline = time.monotonic() + _PATIENCE_S
    while (rows := _get(admin, "stats", bucket="1m")["totals"]["requests"]) < expected:
        if time.monotonic() > deadline:
            raise ServerError(f"the log has {rows} of {expected} requests after {_PATIENCE_S:.0f} s")
        time.sleep(0.2)
    page = _get(admin, "logs", limit=_PAGE)
    found = list(page["items"])
    while page["next_cursor"]:
        page = _get(admin, "logs", limit=_PAGE, cursor=page["next_cursor"])
        found += page["items"]
    return found


def _get(admin: httpx.Client, path: str, **query: Any) -> Any:
    answer = admin.get(path, params=query)
    if not answer.is_success:
        raise ServerError(f"GET {path}: {answer.status_code} {answer.text}")
    return answer.json()


def _outcome(play: Play, traffic: Traffic, reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    lanes = []
    for lane in map(name_of, range(len(play.weights))):
        its = [one for one in traffic.sent if one.lane == lane]
        failed = sum(one.failed for one in its)
        share = len(its) / len(traffic.sent) if traffic.sent else None
        course = traffic.course(lane, WINDOW, play.seconds)
        lanes.append({"lane": lane, "sent": len(its), "share": share, "failed": failed, "course": course})
    return {
        "scenario": play.name,
        "seconds": play.seconds,
        "rate": play.rate,
        "waits": WAITS,
        "window": WINDOW,
        "acts": [{"at": act.at, "lane": name_of(act.lane), **act.script} for act in play.acts],
        "answered": traffic.answered,
        "failed": traffic.failed,
        "success": traffic.success,
        "ttft_p50_s": percentile(traffic.waits, 0.5),
        "ttft_p99_s": percentile(traffic.waits, 0.99),
        "lanes": lanes,
        "generator_late": any(report["generator_late"] for report in reports),
        "simulated": _simulated(play),
        "bars": judge(play, traffic),
    }


def _simulated(play: Play) -> dict[str, float]:
    """The gateway's own policy in the same scenario on virtual time, at as many requests a second."""
    from ferrogate.engine.facade import balance_run, balance_scenarios

    rates = {one["name"]: one["rate"] for one in balance_scenarios()}
    options = {"scenarios": [play.name], "seeds": SEEDS, "load": play.rate / rates[play.name]}
    own = balance_run(options, None)["outcomes"][0]["rows"][0]
    return {
        "success": own["success"]["mean"],
        "ttft_p50_s": own["p50_ttft"]["mean"],
        "ttft_p99_s": own["p99_ttft"]["mean"],
    }


def _number(value: float | None, factor: float = 1.0) -> str:
    return "-" if value is None else f"{value * factor:.3f}"
