"""``gateway cache``: counts, entries, and what purging asks first."""

from __future__ import annotations

import json

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ferrogate.cli import cache
from ferrogate.cli.cache_table import stats_lines
from harness.cache import FakeCache, entry
from harness.running import Running

KEPT = (
    entry(1),
    entry(2, tenant="team-a", route="faq", tokens={"input": None, "output": None}, bytes=12_345),
    entry(3, model="o3", preview="why is\x1b[2J the sky blue", age_s=7_300, ttl_s=86_400 * 3, stream=True),
)


def run(*arguments: str, typed: str | None = None, code: int = 0) -> Result:
    result = CliRunner().invoke(cache.app, arguments, input=typed)
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.fixture
def kept(running: Running) -> FakeCache:
    running.services.engine.cache = FakeCache(*KEPT)  # type: ignore[misc]
    return running.services.engine.cache


def left(kept: FakeCache) -> list[str]:
    return [item["id"][:4] for item in kept.entries]


@pytest.mark.parametrize("arguments", [(), ("stats",)])
def test_the_counts(kept: FakeCache, arguments: tuple[str, ...]) -> None:
    shown = run(*arguments).stdout
    assert "entries       3\n" in shown
    assert "memory        4.2 kB of 256 MB\n" in shown
    assert "hit rate      75.0% (30 hits, 10 misses)\n" in shown
    assert "tokens saved  384 in, 1,280 out\n" in shown
    assert json.loads(run(*arguments, "--json").stdout) == kept.stats()


def test_without_a_request_it_says_what_to_turn_on(running: Running) -> None:
    result = run()
    assert "hit rate      - (0 hits, 0 misses)" in result.stdout
    assert "cache.exact.enabled" in result.stderr


def test_entries_are_lines_without_what_a_terminal_obeys(kept: FakeCache) -> None:
    header, first, second, third = run("list").stdout.splitlines()
    assert header.split() == [
        "id", "route", "model", "tenant", "tokens", "size", "hits", "age", "ttl", "asked",
    ]  # fmt: skip
    assert first.split() == [
        "0001aaaaaaaa", "chat", "gpt-4o-mini", "local", "12/40", "1.4", "kB", "3", "12", "s", "5", "min",
        "question", "1",
    ]  # fmt: skip
    assert second.split()[4:7] == ["-/-", "12.3", "kB"]
    assert third.split()[-9:] == ["2", "h", "3", "d", "why", "is\\x1b[2J", "the", "sky", "blue"]


def test_filters_reach_the_gateway(kept: FakeCache) -> None:
    def ids(*arguments: str) -> list[str]:
        return [item["id"][:4] for item in json.loads(run("list", "--json", *arguments).stdout)]

    assert ids() == ["0001", "0002", "0003"]
    assert ids("--tenant", "team-a") == ids("--route", "faq") == ["0002"]
    assert ids("--model", "o3") == ids("--text", "sky") == ["0003"]
    assert "no entry matches" in run("list", "--model", "nothing").stdout
    more = run("list", "--limit", "2")
    assert "more than 2" in more.stderr
    assert len(more.stdout.splitlines()) == 3


def test_one_is_shown_by_how_its_id_begins(kept: FakeCache) -> None:
    shown = run("show", "0003").stdout
    assert f"id           {KEPT[2]['id']}\n" in shown
    assert "operation    chat.completions, stream, 200\n" in shown
    assert "age          2 h of 3 d\n" in shown
    assert json.loads(run("show", "0002", "--json").stdout) == KEPT[1]
    assert "no entry's id begins with '9'" in run("show", "9", code=1).stderr
    assert "more than one" in run("show", "00", code=1).stderr


def test_an_id_is_looked_for_on_every_page(kept: FakeCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_PAGE", 1)
    run("purge", "0003")
    assert left(kept) == ["0001", "0002"]


@pytest.mark.parametrize("arguments", [("--route", "faq"), ("--tenant", "team-a", "--text", "question")])
def test_what_matches_goes_without_a_question(kept: FakeCache, arguments: tuple[str, ...]) -> None:
    assert run("purge", *arguments).stdout == "removed 1 entry\n"
    assert left(kept) == ["0001", "0003"]


@pytest.mark.parametrize("arguments", [(), ("--all",)])
def test_all_goes_after_a_question(kept: FakeCache, arguments: tuple[str, ...]) -> None:
    assert "all 3 entries" in run("purge", *arguments, typed="n\n", code=1).stderr
    run("purge", *arguments, code=1)
    assert len(kept.entries) == 3
    assert run("purge", *arguments, typed="y\n").stdout.endswith("removed 3 entries\n")
    assert kept.entries == []


def test_a_script_does_not_ask(kept: FakeCache) -> None:
    assert json.loads(run("purge", "--all", "--yes", "--json").stdout) == {"removed": 3}


@pytest.mark.parametrize(
    "arguments", [("0001", "--all"), ("0001", "--route", "faq"), ("--all", "--model", "o3", "--yes")]
)
def test_what_contradicts_itself_takes_nothing(kept: FakeCache, arguments: tuple[str, ...]) -> None:
    assert "one of the three" in run("purge", *arguments, code=2).stderr
    assert len(kept.entries) == 3


@pytest.mark.parametrize("arguments", [("",), ("--model", ""), ("9",)])
def test_an_empty_variable_of_a_script_takes_nothing(kept: FakeCache, arguments: tuple[str, ...]) -> None:
    run("purge", *arguments, "--yes", code=1)
    assert len(kept.entries) == 3


def test_without_a_gateway_it_says_what_to_do() -> None:
    for arguments in ((), ("list",), ("show", "a"), ("purge", "--all", "--yes")):
        assert "gateway serve" in run(*arguments, code=3).stderr


def test_every_command_has_examples() -> None:
    for command in ("stats", "list", "show", "purge"):
        assert f"gateway cache {command}" in run(command, "--help").stdout
    assert "gateway cache list --route faq" in run("--help").stdout


def test_what_was_looked_for_by_meaning_is_said_without_what_did_not_happen() -> None:
    none = dict.fromkeys(("far", "busy", "late", "too_long"), 0)
    semantic = {"entries": 12, "vector_bytes": 9_000, "hits": 5, "vetoed": 2, **none}
    semantic["verified"] = [{"route": "faq\x1b[2J", "says": "within the target: 3 of 400 differed"}]
    lines = stats_lines({**FakeCache().stats(), "semantic": semantic})
    assert "by meaning 5 hits, 2 vetoed; 12 questions" in [" ".join(line.split()) for line in lines]
    assert lines[-1].endswith("within the target: 3 of 400 differed")
    assert "\x1b" not in lines[-1]
