from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from bench.bars import balance
from bench.bars.balance import ANTHROPIC, OPENAI, Seen, errors_of, found
from bench.bars.registry import Pace, Settings

from ferrogate.cli.bench.load import Load


def seen(p99: float, primary: int = 9_000, **errors: int) -> Seen:
    p99_ms = dict.fromkeys(balance.FIGURES, p99)
    return Seen(10_000, errors, p99_ms, {"primary": primary, "secondary": 9_000}, generator_late=False)


def report(**more: Any) -> dict[str, Any]:
    requests = {"sent": 10, "ok": 10, "answered": 10, "failed": 0, "unfinished": 0, "unsent": 0}
    shape = {"p99": 3000}
    return {
        "requests": requests | more.pop("requests", {}),
        "statuses": {"200": 10},
        "errors": {},
        "latency_us": shape,
        "first_byte_us": shape,
        "generator_late": False,
        **more,
    }


def test_every_way_to_fail_a_client_is_an_error() -> None:
    reports = [
        report(),
        report(statuses={"200": 7, "503": 3}, requests={"ok": 7}),
        report(errors={"cut": 2}, requests={"ok": 8, "answered": 8, "failed": 2}),
        report(requests={"ok": 9}),
        report(requests={"unsent": 1, "unfinished": 2}),
    ]
    assert errors_of(reports) == {"503": 3, "cut": 2, "incomplete": 1, "unanswered": 3}
    assert errors_of([report()]) == {}


def test_what_is_added_is_the_median_of_pairs() -> None:
    runs = {
        "down": [seen(4.0), seen(30.0), seen(9.0)],
        "healthy": [seen(3.0)] * 3,
        "alone": [seen(2.0), seen(26.0), seen(1.0)],
    }
    bars = {bar.name: bar for bar in found(runs, "down").bars}
    assert bars["down, errors seen by clients"].holds
    added = bars["down, JSON: p99 above the secondary's alone"]
    assert (added.value, added.verdict) == (4.0, "met")
    assert bars["before: down, JSON: p99 above the secondary's alone"].bound is None


def test_an_error_misses_the_bar_and_a_slow_fallback_too() -> None:
    runs = {"down": [seen(8.0, cut=1)], "healthy": [seen(2.0)], "alone": [seen(2.0)]}
    findings = found(runs, "down")
    missed = [bar.name for bar in findings.bars if not bar.holds]
    assert missed == [
        "down, errors seen by clients",
        *(f"down, {figure}: p99 above the secondary's alone" for figure in balance.FIGURES),
    ]
    assert findings.notes == ["down, round 1: {'cut': 1}"]


@pytest.mark.parametrize(("down", "healthy"), [(0, 9_000), (5, 10)])
def test_a_primary_that_was_not_asked_is_no_measurement(down: int, healthy: int) -> None:
    runs = {"down": [seen(2.0, down)], "healthy": [seen(2.0, healthy)], "alone": [seen(2.0)]}
    findings = found(runs, "down")
    assert all(bar.holds for bar in findings.bars)
    assert findings.failed
    assert findings.notes == ["the primary was not asked as it should: these figures are of something else"]


class Stage:
    """Stands in for a lab, its servers and the loads: keeps what happened, in order."""

    def __init__(self) -> None:
        self.url = "http://127.0.0.1:1"
        self.happened: list[str] = []

    def script(self, behaviour: dict[str, Any], _key: str = "", at: str | None = None) -> None:
        if at:
            self.happened.append("fails" if behaviour.get("status") == 500 else "heals")

    @property
    def mock(self) -> Stage:
        return self

    folder = None

    def add(self, server: Any) -> Any:
        return server

    def stop(self, name: str) -> None:
        assert name == "primary"
        self.happened.append("vanishes")


class Running:
    def __init__(self, name: str) -> None:
        self.name = name
        self.url = name


@pytest.mark.parametrize(("step", "word"), [("refused", "vanishes"), ("failing", "fails")])
def test_each_failure_follows_a_healthy_run(monkeypatch: pytest.MonkeyPatch, step: str, word: str) -> None:
    stage = Stage()
    configured: dict[str, str] = {}
    loads: list[Load] = []

    def gateway(_kind: str, _folder: Any, _mock: str, *, name: str, configuration: str) -> Running:
        configured[name] = configuration
        return Running(name)

    def together(server: Running, load: Load) -> Sequence[dict[str, Any]]:
        loads.append(load)
        stage.happened.append(server.name)
        return [report(), report(stream=True)]

    monkeypatch.setattr(balance, "start_gateway", gateway)
    monkeypatch.setattr(balance, "start_mock", lambda *_, name, **__: Running(name))
    monkeypatch.setattr(balance, "_together", together)
    monkeypatch.setattr(balance, "attempts", lambda _: {"primary": 100 * len(loads)})
    settings = Settings(Pace(rounds=3, seconds=20.0, warmup=1.0))
    findings = balance.PART.steps[step].run(stage, settings, lambda _: None)  # type: ignore[arg-type]
    assert all(bar.holds for bar in findings.bars)
    assert stage.happened.count(word) == 3
    runs = [happened for happened in stage.happened if happened in (word, "both", "alone")]
    for at in (at for at, happened in enumerate(runs) if happened == word):
        assert runs[at - 1] == runs[at + 1] == "both"
    assert {load.duration for load in loads[4:]} == {2.0, 18.0}
    assert "primary/filler, secondary/filler" in configured["both"]
    assert "primary" not in configured["alone"]


def test_secondaries_are_where_the_mock_has_their_api() -> None:
    assert OPENAI.base == "/v1"
    assert (ANTHROPIC.kind, ANTHROPIC.base) == ("anthropic", "/anthropic/v1")
