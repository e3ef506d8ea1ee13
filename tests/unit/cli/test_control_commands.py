"""The commands about keys, tokens and logs, on a data folder alone and through a running gateway."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from ferrogate.cli import gateway_keys, keys, logs, token
from ferrogate.services.payloads import StoredPayload
from ferrogate.store import Store
from ferrogate.store.tables import REQUEST_COLUMNS
from harness.running import Running


def direct_log(store: Store) -> Callable[[Sequence[Sequence[Any]]], None]:
    """Return a function that puts rows into the log."""

    def write(rows: Sequence[Sequence[Any]]) -> None:
        with store.database.write() as connection:
            for start in range(0, len(rows), 500):
                part = rows[start : start + 500]
                store.requests.insert_many(connection, len(part), [value for row in part for value in row])

    return write


KEY = "sk-proj-abcdefghijklmnop1234"

app = typer.Typer()
app.add_typer(keys.app)
app.add_typer(gateway_keys.app)
app.add_typer(token.app)
app.add_typer(logs.app, name="logs")


def run(*arguments: str, typed: str | None = None, code: int = 0) -> Result:
    result = CliRunner().invoke(app, arguments, input=typed)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def listed() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("keys", "list", "--json").stdout)
    return found


def test_keys_on_a_data_folder() -> None:
    assert "gateway keys add" in run("keys", "list").stdout
    added = run("keys", "add", "openai", "--value", KEY, "--weight", "0.5", "--models", "gpt-4o, gpt-5*")
    assert "openai/main" in added.stdout
    assert "next start" in added.stdout
    assert KEY not in added.output
    (key,) = listed()
    assert (key["provider"], key["name"], key["value"], key["weight"], key["models"]) == (
        "openai", "main", "sk-...1234", 0.5, ["gpt-4o", "gpt-5*"],
    )  # fmt: skip
    table = run("keys", "list").stdout
    assert "sk-...1234" in table
    assert KEY not in table
    run("keys", "remove", "openai/main")
    assert listed() == []


def test_keys_through_a_running_gateway(running: Running) -> None:
    added = run("keys", "add", "openai", "--value", KEY)
    assert "in force now" in added.stdout
    assert [view.name for view in running.services.keys.list()] == ["main"]
    assert listed()[0]["value"] == "sk-...1234"
    run("keys", "remove", "main")
    assert running.services.keys.list() == []


def test_a_value_from_a_variable_and_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    run("keys", "add", "openai", "--value-env", "MY_KEY")
    run("keys", "add", "openai", typed=KEY[:-4] + "5678\n")
    assert [key["value"] for key in listed()] == ["sk-...1234", "sk-...5678"]
    assert "MISSING" in run("keys", "add", "openai", "--value-env", "MISSING", code=2).stderr
    assert "not both" in run("keys", "add", "openai", "--value", "a", "--value-env", "MY_KEY", code=2).stderr


def test_a_refusal_is_a_sentence_and_an_exit_code() -> None:
    refused = run("keys", "add", "opena1", "--value", KEY, code=1)
    assert "did you mean openai" in refused.stderr
    assert "Traceback" not in refused.output
    assert "gateway keys list" in run("keys", "remove", "nothing", code=1).stderr
    run("keys", "add", "openai", "--value", KEY)
    run("keys", "add", "groq", "--value", KEY)
    assert "PROVIDER/NAME" in run("keys", "remove", "main", code=1).stderr


def test_a_key_is_tried(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(
        'providers: {far: {kind: openai-compatible, base_url: "http://127.0.0.1:1/v1", keys: [sk-1234567]}}\n'
    )
    tried = run("keys", "test", "far/key-1", code=1)
    assert "127.0.0.1" in tried.stderr
    assert json.loads(run("keys", "test", "far/key-1", "--json", code=1).stdout)["ok"] is False


def test_a_key_that_no_longer_opens_can_be_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    run("keys", "add", "openai", "--value", KEY)
    monkeypatch.setenv("GATEWAY_MASTER_KEY", "00" * 32)
    assert "GATEWAY_MASTER_KEY" in run("keys", "list", code=1).stderr
    run("keys", "remove", "openai/main")
    assert listed() == []


def test_the_folder_comes_from_flag_environment_or_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("keys", "add", "openai", "--value", KEY, "--data", "flagged")
    assert (tmp_path / "flagged" / "gateway.db").exists()
    (tmp_path / "gateway.yaml").write_text("server: {data: filed}\n")
    run("keys", "add", "openai", "--value", KEY)
    assert (tmp_path / "filed" / "gateway.db").exists()
    monkeypatch.setenv("GATEWAY_DATA", "named")
    run("keys", "add", "openai", "--value", KEY)
    assert (tmp_path / "named" / "gateway.db").exists()
    assert not (tmp_path / "data").exists()


def test_commands_work_where_the_configuration_asks_for_credentials(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text("server: {host: 0.0.0.0}\n")
    run("keys", "add", "openai", "--value", KEY)
    assert len(listed()) == 1


def test_a_wrong_configuration_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text("providerz: {}\n")
    assert "providerz" in run("keys", "list", code=1).stderr


def test_gateway_keys(running: Running) -> None:
    assert "gateway-keys add" in run("gateway-keys", "list").stdout
    made = run("gateway-keys", "add", "chatbot", "--tenant", "team")
    secret = made.stdout.split("gateway key: ")[1].strip()
    assert secret.startswith("fgk_")
    quiet = run("gateway-keys", "add", "other", "--quiet").stdout
    assert quiet.startswith("fgk_")
    assert len(quiet.split()) == 1
    shown = run("gateway-keys", "list").stdout
    assert "chatbot" in shown
    assert secret not in shown
    assert json.loads(run("gateway-keys", "list", "--json").stdout)[0]["tenant"] == "team"
    run("gateway-keys", "remove", "chatbot")
    assert [view.name for view in running.services.gateway_keys.list()] == ["other"]
    assert "gateway-keys list" in run("gateway-keys", "remove", "chatbot", code=1).stderr


def test_a_token_reset_reaches_a_running_gateway(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    old = running.services.credentials.ensure().admin_token
    new = run("token", "reset").stdout.removeprefix("admin token: ").strip()
    assert running.services.credentials.is_admin(new)
    assert old is not None
    assert not running.services.credentials.is_admin(old)
    quiet = run("token", "reset", "--quiet").stdout.strip()
    assert running.services.credentials.is_admin(quiet)
    monkeypatch.setenv("GATEWAY_ADMIN_TOKEN", "given")
    assert "GATEWAY_ADMIN_TOKEN" in run("token", "reset", code=1).stderr


def test_a_named_gateway_is_asked_with_the_token(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_URL", running.run.url)
    assert "admin token" in run("keys", "list", code=1).stderr
    monkeypatch.setenv("GATEWAY_ADMIN_TOKEN", running.services.credentials.reset_admin_token())
    run("keys", "add", "openai", "--value", KEY)
    assert len(running.services.keys.list()) == 1


def test_a_gateway_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_URL", "http://127.0.0.1:1")
    assert "does not answer" in run("keys", "list", code=3).stderr


def rows(first: int, number: int, **given: Any) -> list[list[Any]]:
    zeros = ["stream", "attempts", "overhead_us", "queue_us", "request_bytes", "response_bytes"]
    nulls = [
        "error",
        "attempts_json",
        "ttft_us",
        "upstream_us",
        "cached_tokens",
        "finish_reason",
        "client_request_id",
        "tags",
        "input_tokens",
        "output_tokens",
        "payload_segment",
        "payload_offset",
        "payload_bytes",
        "similarity",
        "veto",
        "hooks",
    ]
    base: dict[str, Any] = {
        **dict.fromkeys(REQUEST_COLUMNS, ""), **dict.fromkeys(zeros, 0), **dict.fromkeys(nulls),
        "outcome": "ok", "status": 200, "payload": "none", "started_ms": int(time.time() * 1_000),
        "model": "gpt-4o", "duration_us": 12_000, **given,
    }  # fmt: skip
    numbered = range(first, first + number)
    return [list({**base, "request_id": f"7{index:025d}"}.values()) for index in numbered]


def test_logs_oldest_first_with_filters(running: Running) -> None:
    assert "no request" in run("logs").stderr
    write = direct_log(running.store)
    write(rows(0, 3))
    write(rows(3, 1, status=502, outcome="error", error="upstream_connect", provider="groq"))
    lines = run("logs").stdout.splitlines()
    assert len(lines) == 5
    assert lines[0].split()[:3] == ["time", "status", "model"]
    assert "upstream_connect" in lines[-1]
    assert "12 ms" in lines[1]
    as_json = [json.loads(line) for line in run("logs", "--json", "--limit", "2").stdout.splitlines()]
    assert [one["request_id"][-1] for one in as_json] == ["2", "3"]
    assert len(run("logs", "--json", "--status", "5xx").stdout.splitlines()) == 1
    assert len(run("logs", "--json", "--model", "gpt-4o", "--provider", "groq").stdout.splitlines()) == 1
    assert "status" in run("logs", "--status", "bad", code=1).stderr


def test_one_request_is_shown_with_its_bodies(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"payload": "truncated", "payload_segment": 1, "payload_offset": 24, "payload_bytes": 9}
    direct_log(running.store)(rows(0, 1, client_request_id="mine/1", **kept))
    about = {"bytes": 4, "media": "text/plain", "coding": "", "truncated": True, "shed": False}
    stored = StoredPayload(about, about, b"\x1b[2J", "Zürich".encode())
    monkeypatch.setattr(running.services.payloads, "_reader", lambda *_: stored)
    shown = run("logs", "show", "mine/1").stdout
    assert re.search(r"^bodies +truncated$", shown, re.MULTILINE)
    assert re.search(r"^request +text/plain, 4 bytes, truncated$", shown, re.MULTILINE)
    assert "Zürich" in shown
    assert "\x1b" not in shown, "a body gives a terminal no orders"
    whole = json.loads(run("logs", "show", "mine/1", "--json").stdout)
    assert (whole["status"], whole["bodies"]["response"]["text"]) == (200, "Zürich")
    assert "no request" in run("logs", "show", "nobody", code=1).stderr


def test_logs_follow_prints_what_arrives_once_and_in_order(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = direct_log(running.store)
    write(rows(0, 2))
    arrivals = iter([rows(2, 1), [], rows(3, 450)])

    def next_arrival(_seconds: float) -> None:
        arrived = next(arrivals, None)
        if arrived is None:
            raise KeyboardInterrupt
        write(arrived)

    monkeypatch.setattr("ferrogate.cli.logs.time.sleep", next_arrival)
    found = [json.loads(line)["request_id"] for line in run("logs", "--follow", "--json").stdout.splitlines()]
    assert found == [f"7{index:025d}" for index in range(453)]


def test_help_has_examples() -> None:
    for command in (
        ("keys", "list"), ("keys", "add"), ("keys", "remove"), ("keys", "test"), ("gateway-keys", "list"),
        ("gateway-keys", "add"), ("gateway-keys", "remove"), ("token", "reset"), ("logs",), ("logs", "show"),
    ):  # fmt: skip
        assert "Examples:" in run(*command, "--help").stdout


def test_the_modules_import_nothing_heavy() -> None:
    program = (
        "import sys; from ferrogate.cli import gateway_keys, keys, lanes, logs, token\n"
        "heavy = {'sqlalchemy', 'fastapi', 'pydantic', 'httpx', 'cryptography', 'alembic'}\n"
        "heavy |= {'rich.table', 'rich.live'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
