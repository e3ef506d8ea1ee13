from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ferrogate.cli.bench import app
from ferrogate.cli.bench.balance import command
from ferrogate.cli.bench.balance.names import UnknownScenarioError, choose
from ferrogate.cli.bench.balance.tables import kept
from ferrogate.cli.bench.machine import DebugBuildError
from ferrogate.engine import facade

SMALL = [
    "balance",
    "--seeds",
    "1",
    "--scenario",
    "flaps",
    "--scenario",
    "one lane 5x slower",
    "--load",
    "0.2",
]
NAMES = ["one lane 5x slower", "limited key, says when", "limited key, does not say", "a new lane joins"]


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_the_simulation_gives_the_same_numbers_twice(tmp_path: Path) -> None:
    out = tmp_path / "balance.json"
    first, second = run(*SMALL, "--json", "--out", str(out)), run(*SMALL, "--json")
    one, two = json.loads(first.stdout), json.loads(second.stdout)
    assert one["simulation"] == two["simulation"]
    assert json.loads(out.read_text()) == one
    outcomes = {outcome["scenario"]: outcome for outcome in one["simulation"]["outcomes"]}
    assert set(outcomes) == {"one lane 5x slower", "a lane flaps every 5 s"}
    own, *_, oracle = outcomes["one lane 5x slower"]["rows"]
    assert (own["policy"], oracle["policy"]) == ("ferrogate", "oracle")
    ratio = own["p99_ttft"]["mean"] / oracle["p99_ttft"]["mean"]
    assert outcomes["one lane 5x slower"]["to_oracle"] == pytest.approx(ratio)
    assert own["p50_ttft"]["mean"] < own["p99_ttft"]["mean"]
    assert first.exit_code == (0 if kept(one["simulation"]["bars"]) else 1)


def test_other_seeds_are_another_course() -> None:
    first, second = run(*SMALL, "--json"), run(*SMALL, "--json", "--first-seed", "7")
    assert (
        json.loads(first.stdout)["simulation"]["outcomes"]
        != json.loads(second.stdout)["simulation"]["outcomes"]
    )


def test_a_table_for_each_measure_and_the_promises_below() -> None:
    shown = run(*SMALL).stdout
    places = [
        shown.index(part)
        for part in ("answered, %", "first token, median, s", "first token, p99, s", "promises")
    ]
    assert places == sorted(places)
    assert "one lane 5x slower: p99, times the oracle's (an aim)" in shown


def bar(**more: bool) -> dict[str, Any]:
    return {"what": "a promise", "value": 2.0, "bar": 1.0, "met": False, "aim": False, **more}


@pytest.mark.parametrize(("more", "code"), [({}, 1), ({"aim": True}, 0), ({"met": True}, 0)])
def test_a_missed_promise_is_exit_code_1_and_a_missed_aim_is_not(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, bool], code: int
) -> None:
    report = facade.balance_run({"scenarios": ["one lane 5x slower"], "seeds": 1, "load": 0.1}, None)
    monkeypatch.setattr(facade, "balance_run", lambda *_: {**report, "bars": [bar(**more)]})
    done = run("balance", "--scenario", "slower")
    assert done.exit_code == code
    assert ("MISSED" in done.stdout) == (code == 1)


def test_a_name_is_whole_or_a_part() -> None:
    assert choose([], NAMES) == NAMES
    assert choose(["limited"], NAMES) == NAMES[1:3]
    assert choose(["A NEW lane joins", "slower"], NAMES) == [NAMES[0], NAMES[3]]


@pytest.mark.parametrize(
    ("wrong", "right"), [("limted key, says when", NAMES[1]), ("slwer", NAMES[0]), ("", NAMES[0])]
)
def test_a_wrong_name_says_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(UnknownScenarioError, match=f"did you mean '{right}'"):
        choose([wrong], NAMES)


def test_a_wrong_name_runs_nothing() -> None:
    done = run("balance", "--scenario", "sunshine")
    assert done.exit_code == 2
    assert "no scenario is called" in done.output


def test_the_list_is_of_all_scenarios() -> None:
    listed = json.loads(run("balance", "--list", "--json").stdout)
    assert [one["name"] for one in listed] == [one["name"] for one in facade.balance_scenarios()]
    assert len({one["group"] for one in listed}) == 11
    assert "brown-out of 60 s" in run("balance", "--list").stdout


def test_live_refuses_a_debug_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facade, "build_info", lambda: {"profile": "quick"})
    done = run("balance", "--live", "--scenario", "slower")
    assert isinstance(done.exception, DebugBuildError)


def test_the_help_has_examples() -> None:
    assert "gateway bench balance --live" in command.EPILOG
    assert "Examples" in run("balance", "--help").stdout
