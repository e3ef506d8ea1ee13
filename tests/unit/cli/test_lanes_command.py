"""``gateway lanes``: once, live, as JSON, and where there is nothing to show."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from ferrogate.admin.lane_schemas import Lane
from ferrogate.cli import lanes
from ferrogate.cli.lane_table import lane_table
from harness.lanes import lane
from harness.running import Running

KNOWN = {
    "route": "chat", "tier": 0, "state": "ready", "multiplier": 1.2, "share": 0.64, "why": "the fastest",
    "success_ratio": 1.0, "ttft_ms": 212.4, "token_ms": 8.13, "in_flight": 12,
}  # fmt: skip
COOLS = {
    **KNOWN, "key": "spare", "state": "cooling", "multiplier": 0.0, "share": 0.0, "cooldown_ms": 30_500,
    "why": "429: the provider said to come back in 31 s", "tier": 1,
}  # fmt: skip


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(lanes.app, arguments)
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.fixture
def show(running: Running) -> Callable[..., None]:
    """Have the running gateway's engine say these lanes, the next ones at every look."""

    def say(*looks: list[dict[str, Any]]) -> None:
        left = list(looks)
        running.services.engine.lanes = lambda: left.pop(0) if len(left) > 1 else left[0]  # type: ignore[method-assign]

    return say


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Press Ctrl-C after the third look; the list is what was waited before each."""
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("ferrogate.cli.lanes.time.sleep", wait)
    return waited


def test_piped_it_prints_once_and_wraps_nothing(show: Any) -> None:
    show([lane(**COOLS), lane(**KNOWN)])
    header, first, second = run().stdout.splitlines()
    assert header.split() == [
        "route", "tier", "provider/key", "model", "weight", "worth", "share", "state", "success", "ttft",
        "per", "token", "in", "flight", "why",
    ]  # fmt: skip
    assert first.split() == [
        "chat", "0", "openai/main", "gpt-4o", "1", "1.2x", "64%", "ready", "100%", "212", "ms", "8.1", "ms",
        "12", "the", "fastest",
    ]  # fmt: skip
    assert "openai/spare" in second
    assert "cooling 30 s" in second
    assert second.rstrip().endswith("429: the provider said to come back in 31 s")


def test_what_an_engine_does_not_know_is_a_dash(show: Any) -> None:
    show([lane(last_error="upstream_status", last_status=503), lane(key="off", enabled=False)])
    _, first, second = run("--once").stdout.splitlines()
    assert first.split()[:4] == ["-", "-", "openai/main", "gpt-4o"]
    assert first.rstrip().endswith("last failure: upstream_status (503)")
    assert second.split()[4] == "off"


def test_json_has_every_field_and_the_filters_reach_the_gateway(show: Any) -> None:
    show([lane(**KNOWN), lane(provider="groq", **{**KNOWN, "route": "other"})])
    found = json.loads(run("--json").stdout)
    assert [item["provider"] for item in found] == ["openai", "groq"]
    assert found[0].keys() == Lane.model_fields.keys()
    assert [item["provider"] for item in json.loads(run("--json", "--provider", "groq").stdout)] == ["groq"]
    assert [item["provider"] for item in json.loads(run("--json", "--route", "chat").stdout)] == ["openai"]
    assert "no lane matches" in run("--route", "nothing").stdout
    assert json.loads(run("--json", "--route", "nothing").stdout) == []


def test_without_lanes_it_says_what_to_do(show: Any) -> None:
    show([])
    assert "send a request" in run().stdout
    assert json.loads(run("--json").stdout) == []


def test_without_a_gateway_it_says_what_to_do() -> None:
    assert "gateway serve" in run(code=3).stderr
    assert "gateway serve" in run("--json", code=3).stderr


def test_ctrl_c_ends_a_watch_in_order(show: Any, looks: list[float]) -> None:
    show([lane(**KNOWN)], [lane(**COOLS)], [])
    shown = run("--watch", "--interval", "0.5").stdout
    assert looks == [0.5, 0.5, 0.5]
    assert shown.index("the fastest") < shown.index("cooling 30 s") < shown.index("send a request")


def test_a_watch_as_json_is_a_line_a_look(show: Any, looks: list[float]) -> None:
    show([lane(**KNOWN)], [])
    lines = run("--json", "--follow").stdout.splitlines()
    assert [len(json.loads(line)) for line in lines] == [1, 0, 0]
    assert looks == [1.0, 1.0, 1.0]


def test_on_a_terminal_it_is_live_unless_told_otherwise(
    show: Any, looks: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    screens: list[Console] = []

    def console(is_terminal: bool) -> Console:
        assert is_terminal
        screens.append(Console(file=io.StringIO(), force_terminal=True, width=160, height=40))
        return screens[-1]

    monkeypatch.setattr("ferrogate.cli.lanes._is_terminal", lambda: True)
    monkeypatch.setattr("ferrogate.cli.lanes._console", console)
    show([lane(**KNOWN)], [lane(**COOLS)])
    run()
    assert len(looks) == 3
    shown = screens[-1].file.getvalue()  # type: ignore[attr-defined]
    assert shown.index("the fastest") < shown.index("cooling 30 s")
    assert shown.endswith("\x1b[?25h"), "the cursor is back"
    looks.clear()
    run("--once")
    assert looks == []
    assert "cooling 30 s" in screens[-1].file.getvalue()  # type: ignore[attr-defined]


def test_a_gateway_that_goes_away_ends_a_watch_with_a_sentence(
    running: Running, show: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    show([lane(**KNOWN)])

    def stop(_seconds: float) -> None:
        running.server.should_exit = True
        running.thread.join(20)

    monkeypatch.setattr("ferrogate.cli.lanes.time.sleep", stop)
    ended = run("--watch", code=3)
    assert "the fastest" in ended.stdout
    assert "does not answer" in ended.stderr


@pytest.mark.parametrize("width", [200, 160, 130, 100, 80])
def test_what_does_not_fit_is_left_out_and_nothing_is_cut(width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    rows = [
        lane(**{**dict.fromkeys(Lane.model_fields), **lane(**known), "routes": []})
        for known in (KNOWN, COOLS)
    ]
    table = lane_table(rows, console)
    console.print(table)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, shown.splitlines())) <= width
    titles = [str(column.header) for column in table.columns]
    assert {"provider/key", "model", "worth", "state", "in flight", "why"} <= set(titles)
    assert all(text in shown for text in ("openai/spare", "cooling 30 s", "1.2x", "gpt-4o"))
    assert ("weight" in titles) is (width >= 130)


def test_states_have_colours_and_names_give_a_terminal_no_orders() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=200, color_system="standard")
    refused = lane(**{**dict.fromkeys(Lane.model_fields), **lane(model="\x1b[2J"), "state": "key refused"})
    console.print(lane_table([{**refused, "routes": [], "why": ""}], console))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[31mkey refused" in shown
    assert "\\x1b[2J" in shown
    assert "\x1b[2J" not in shown


def test_it_is_a_command_of_the_gateway() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ferrogate", "lanes", "--help"], capture_output=True, text=True, check=True
    )
    assert "Examples:" in done.stdout
    assert "gateway lanes --route chat" in done.stdout
