from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
from bench.bars import __main__ as command
from bench.bars import registry
from bench.bars.registry import Asked, Pace, Part, Settings, Step, UnknownPartError, choose, find_parts, turns
from bench.bars.report import Bar, Findings

from ferrogate.cli.bench.servers import ServerError


def nothing(*_: Any) -> Findings:
    return Findings()


PARTS = {
    "one": Part("one", "", {"a": Step(nothing, Pace(7, 10.0, 5.0)), "b": Step(nothing, Pace(1, 0.0, 0.0))}),
    "two": Part("two", "", {"c": Step(nothing, Pace(3, 60.0, 5.0))}),
}


def test_every_part_is_found_and_says_how_long_it_takes() -> None:
    found = find_parts()
    assert {"proxy", "latency", "ttft", "doors", "crowd", "stalled", "memory", "peers", "footprint"} <= set(
        found
    )
    for name, part in found.items():
        assert (part.name, bool(part.about), bool(part.steps)) == (name, True, True)
        for step in part.steps.values():
            quick = step.settings(Asked(quick=True))
            assert quick.pace.rounds == 1
            if step.takes:
                assert 0 < step.takes(quick.pace) <= step.takes(step.pace)


def test_a_new_module_is_a_new_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "kill.py").write_text(
        "from bench.bars.registry import Pace, Part, Step\n"
        "PART = Part('kill', 'rows', {'cycles': Step(print, Pace(1, 1.0, 1.0))})\n"
    )
    (tmp_path / "aside.py").write_text("PART = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path.parent))
    monkeypatch.setattr(registry, "__package__", tmp_path.name)
    importlib.invalidate_caches()
    try:
        assert list(find_parts()) == ["kill"]
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == tmp_path.name]:
            del sys.modules[name]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ([], ["one.a", "one.b", "two.c"]),
        (["two"], ["two.c"]),
        (["one.b", "two"], ["one.b", "two.c"]),
        (["one", "one.a"], ["one.a", "one.b"]),
    ],
)
def test_parts_and_steps_are_chosen_by_name(names: list[str], chosen: list[str]) -> None:
    assert list(choose(PARTS, names)) == chosen


@pytest.mark.parametrize("name", ["three", "one.c", "a"])
def test_an_unknown_name_is_told_what_there_is(name: str) -> None:
    with pytest.raises(UnknownPartError, match=r"one \(a, b\); two \(c\)"):
        choose(PARTS, [name])


def test_what_is_asked_for_wins_over_quick_over_the_steps_own() -> None:
    step = PARTS["one"].steps["a"]
    assert step.settings(Asked()) == Settings(Pace(7, 10.0, 5.0))
    assert step.settings(Asked(quick=True)) == Settings(Pace(1, 1.0, 0.3), quick=True)
    assert step.settings(Asked(quick=True, seconds=4.0)).pace == Pace(1, 4.0, 0.3)
    assert step.settings(Asked(rounds=2, warmup=0.0)).pace == Pace(2, 10.0, 0.0)


def test_the_time_of_turns_counts_starts_modes_and_waits() -> None:
    assert turns(2, modes=2, around=1.0)(Pace(rounds=3, seconds=4.0, warmup=1.0)) == 2 * 3 + 3 * 2 * 2 * 5


def test_a_step_that_fails_leaves_the_others_their_figures() -> None:
    def broken(*_: Any) -> Findings:
        raise ServerError("it did not come up:\nport is taken")

    told: list[str] = []
    found = command.attempt("one.x", Step(broken, Pace(1, 1.0, 0.0), lambda _: 3.0), Asked(), told.append)
    assert found.failed
    assert found.notes == ["one.x: not measured to its end: it did not come up: ... port is taken"]
    assert found.runs["one.x"]["pace"] == "1 rounds of 1 s after 0 s"
    assert told == ["one.x: 1 rounds of 1 s after 0 s, about 3 s"]


@pytest.mark.parametrize(("value", "code"), [(1.0, 0), (3.0, 1), (None, 1)])
def test_a_missed_bar_is_the_exit_code(
    value: float | None, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def measured(*_: Any) -> Findings:
        return Findings(bars=[Bar("fast", value, "x", 2.0)])

    part = Part("speed", "", {"all": Step(measured, Pace(1, 1.0, 0.0))})
    monkeypatch.setattr(command, "find_parts", lambda: {"speed": part})
    monkeypatch.setattr(command, "check_build", lambda **_: None)
    monkeypatch.setattr(sys, "argv", ["bars", "speed", "--out", str(tmp_path)])
    assert command.main() == code
    assert "fast" in capsys.readouterr().out
    assert [path.suffix for path in sorted(tmp_path.iterdir())] == [".json", ".md"]


def test_a_plan_runs_nothing(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(command, "find_parts", lambda: PARTS)
    monkeypatch.setattr(sys, "argv", ["bars", "--plan", "two"])
    assert command.main() == 0
    assert "two.c" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["bars", "nine"])
    assert command.main() == 2
