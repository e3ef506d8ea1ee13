from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ferrogate.cli.bench import app
from ferrogate.cli.bench.machine import DebugBuildError
from ferrogate.cli.bench.results import document, write
from ferrogate.engine import facade

URL = "http://127.0.0.1:1"


class Generator:
    """Stands in for the extension: keeps what it was asked and returns one report."""

    def __init__(self, report: dict[str, Any]) -> None:
        self.report = report
        self.asked: list[dict[str, Any]] = []

    def __call__(self, options: Mapping[str, Any], progress: Any) -> dict[str, Any]:
        self.asked.append(dict(options))
        if progress:
            told = {"rate": 1.0, "failed": 1, "backlog": 1, "elapsed_s": 1.0, "total_s": 2.0}
            progress(told)
        return self.report


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch, report: dict[str, Any]) -> Generator:
    made = Generator(report)
    monkeypatch.setattr(facade, "bench_run", made)
    build = {"version": "0.1.0", "profile": "release", "git": "0000000", "features": []}
    monkeypatch.setattr(facade, "build_info", lambda: build)
    return made


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/openai", "/openai/v1/chat/completions"),
        ("/openai/v1/", "/openai/v1/chat/completions"),
        ("/x/chat/completions?api-version=1", "/x/chat/completions?api-version=1"),
    ],
)
def test_a_target_is_an_endpoint_or_a_base_url(generator: Generator, target: str, path: str) -> None:
    assert run("--target", URL + target).exit_code == 0
    assert (generator.asked[0]["target"], generator.asked[0]["path"]) == (URL, path)
    assert "authorization" not in generator.asked[0]["headers"]


def test_options_reach_the_generator_and_the_result_the_file(generator: Generator, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "results.json"
    flags = ["--rate", "7", "--duration", "2", "--stream", "--body-kb", "2", "-H", "Authorization: Bearer k"]
    done = run("--target", URL, *flags, "--pid", "1", "--out", str(out), "--json")
    assert done.exit_code == 0, done.output
    asked = generator.asked[0]
    assert (asked["rate"], asked["duration_s"], asked["stream"], asked["body_bytes"]) == (
        7.0,
        2.0,
        True,
        2000,
    )
    assert asked["headers"] == {"authorization": "Bearer k"}
    assert asked["watch"] == {"server": [1]}
    printed = json.loads(done.stdout)
    assert printed == json.loads(out.read_text())
    assert printed["publishable"] is True
    assert printed["machine"]["cores"] >= 1
    assert printed["samples"][0]["report"] == generator.report


def test_a_table_is_printed(generator: Generator) -> None:
    generator.report["generator_late"] = True
    done = run("--target", URL)
    assert "1000 ok of 1000 sent" in done.stdout
    assert "generator late" in done.stdout


def test_nothing_answered_is_a_failure_and_a_cancelled_load_is_130(generator: Generator) -> None:
    generator.report["requests"]["ok"] = 0
    assert run("--target", URL).exit_code == 1
    generator.report["cancelled"] = True
    assert run("--target", URL).exit_code == 130


@pytest.mark.parametrize("command", [["--target", URL], ["compare"]])
def test_a_debug_build_is_refused(
    generator: Generator, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr(facade, "build_info", lambda: {"profile": "quick"})
    done = run(*command)
    assert isinstance(done.exception, DebugBuildError)
    assert "profile 'quick'" in str(done.exception)
    assert "--allow-debug" in str(done.exception)
    assert generator.asked == []


def test_a_debug_build_can_be_tried_and_is_marked(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facade, "build_info", lambda: {"profile": "quick"})
    done = run("--target", URL, "--allow-debug", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["publishable"] is False
    assert "NOT A RELEASE BUILD" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--target", "granian"], "neither a URL"),
        (["--target", URL, "--header", "nothing"], "name: value"),
        (["compare", "--servers", "apache"], "apache"),
        (["compare", "--only", "xml"], "json or streams"),
    ],
)
def test_wrong_options_are_named(generator: Generator, arguments: list[str], part: str) -> None:
    done = run(*arguments)
    assert done.exit_code != 0
    assert part in done.output
    assert generator.asked == []


def test_a_document_can_leave_the_reports_out(report: dict[str, Any], tmp_path: Path) -> None:
    from ferrogate.cli.bench.load import JSON, sample_of

    made = sample_of(report, "native", JSON, mode="rate", number=0, whole_cpu_us=1.0)
    write(tmp_path / "r.json", document("x", {"cpu": "c"}, [made], whole=False, extra=1))
    read = json.loads((tmp_path / "r.json").read_text())
    assert (read["kind"], read["extra"], read["machine"]) == ("x", 1, {"cpu": "c"})
    assert "report" not in read["samples"][0]
