"""``gateway cache simulate`` on a file of requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ferrogate.cli import cache
from harness.running import Running

TEXTS = ("How do I reset my password?", "How can I reset the password", "How can I not reset the password")


def line(text: str, second: int, **more: Any) -> str:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    row = {"started_at": f"2026-01-01T00:00:{second:02}.000Z", "tenant": "t", "path": "/v1/chat/completions"}
    tokens = {"tokens": {"input": 5, "output": 2}}
    return json.dumps({**row, **tokens, "status": 200, "finish_reason": "stop", "request": body, **more})


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cache.app, ["simulate", "--hashed", *arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(line(text, second) for second, text in enumerate((*TEXTS, TEXTS[0]))) + "\n")
    return path


def test_each_threshold_has_its_hits_and_savings(log: Path) -> None:
    told = json.loads(run("--from", str(log), "--threshold", "0.5", "--threshold", "1", "--json").stdout)
    assert told["requests"] == 4
    assert told["exact_only"] == {
        "exact_hits": 1, "semantic_hits": 0, "vetoed": 0, "tokens_saved": {"input": 5, "output": 2},
    }  # fmt: skip
    loose, strict = told["thresholds"]
    assert (loose["threshold"], loose["exact_hits"], loose["semantic_hits"], loose["vetoed"]) == (
        0.5,
        1,
        1,
        1,
    )
    assert loose["tokens_saved"] == {"input": 10, "output": 4}
    assert (strict["semantic_hits"], strict["vetoed"]) == (0, 0)
    assert [(pair["asked"], pair["kept"]) for pair in told["served"]] == [(TEXTS[1], TEXTS[0])]
    assert [(pair["asked"], pair["veto"]) for pair in told["vetoed"]] == [(TEXTS[2], "negation")]


def test_the_tables_show_pairs_to_judge_and_obey_no_text(log: Path) -> None:
    with log.open("a") as more:
        more.write(line("how can i reset the \x1b[2Jpassword", 30) + "\n")
    shown = run("--from", str(log), "--threshold", "0.5").stdout
    assert "5 requests, 5 of a kind that is kept" in shown
    assert "would have been served, the least alike first" in shown
    assert f"asked: {TEXTS[1]}" in shown
    assert "(negation)" in shown
    assert "\x1b" not in shown
    assert "asked:" not in run("--from", str(log), "--examples", "0").stdout


def test_an_empty_log_is_no_error(running: Running) -> None:
    assert json.loads(run("--json").stdout)["requests"] == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("nonsense", "line 1: Expecting value"),
        ('{"path": "/v1/chat/completions"}', "'started_at' is missing"),
        ('{"started_at": "yesterday", "path": "/"}', "line 1: Invalid isoformat"),
    ],
)
def test_another_file_is_refused_by_line(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "bad.jsonl").write_text(content)
    result = run("--from", str(tmp_path / "bad.jsonl"), code=1)
    assert says in result.stderr
    assert "gateway logs --json" in result.stderr


def test_options_without_meaning_are_refused(log: Path) -> None:
    assert "no file" not in run("--from", str(log), "--since", "1h", code=2).stderr
    assert "messages must count" in run("--from", str(log), "--ignore", "messages", code=1).stderr
    run("--from", str(log), "--ttl", "soon", code=2)
