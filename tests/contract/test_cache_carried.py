"""Answers carried from one gateway to another, and out of the request log."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.chat import ANSWER, CHAT, DONE, FINISH, ROLE, delta
from harness.doors import Door
from harness.gateway import Gateway, until
from harness.upstream import Exchange, Upstream, json_answer, sse

pytestmark = pytest.mark.compiled

RESET = "How do I reset my password?"
AGAIN = "how do I reset my PASSWORD??"


def config(upstream: Upstream) -> dict[str, Any]:
    key = {"value": "sk-of-this-test-0123456789"}
    provider = {"kind": "openai-compatible", "base_url": upstream.url, "keys": [key]}
    kept = {"exact": {"enabled": True, "ttl": "1h"}, "semantic": {"enabled": True, "profile": "recall"}}
    return {
        "providers": {"up": provider},
        "models": {"faq": {"targets": ["up/m"], "cache": kept}, "plain": {"targets": ["up/m"]}},
        "cache": {"embedder": {"model": "hashed"}},
        "log": {"payloads": True},
    }


def ask(gateway: Gateway, text: str, *, model: str = "faq", stream: bool = False) -> str:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]}
    answer = gateway.http.post(CHAT, json=body)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-gateway-cache"]


def run(gateway: Gateway, *arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "ferrogate", "cache", *arguments, "--data", str(gateway.data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def either(exchange: Exchange) -> None:
    whole = not json.loads(exchange.request.body).get("stream")
    (json_answer(ANSWER) if whole else sse(ROLE, delta("hi"), FINISH, DONE))(exchange)


def test_entries_are_carried_to_another_gateway(
    door: Door, folder: Path, tmp_path: Path, upstream: Upstream
) -> None:
    upstream.script = either
    file = tmp_path / "answers.jsonl"
    with Gateway(folder, door, config=config(upstream)) as first:
        ask(first, RESET)
        for number in range(150):
            ask(first, f"What does plan {number} cost?")
        assert "151 entries written" in run(first, "export", str(file))
        assert "0 entries kept" in run(first, "import", str(file)), "they are there already"
    assert len(file.read_text().splitlines()) == 151
    assert file.stat().st_mode & 0o777 == 0o600
    calls = len(upstream.requests)
    with Gateway(tmp_path / "other", door, config=config(upstream)) as second:
        assert "151 entries kept" in run(second, "import", str(file))
        assert ask(second, RESET) == "hit-exact"
        until(lambda: ask(second, AGAIN) == "hit-semantic", "the embedder")
        file.write_text("{}\n")
        assert "1 not kept: not an entry" in run(second, "import", str(file))
        file.write_text("no line\n")
        assert "line 1" in run(second, "import", str(file), code=1)
        assert "cannot be read" in run(second, "import", "/nowhere/file", code=1)
    assert len(upstream.requests) <= calls + 1, "the first of the other wordings may come too early"


def test_the_log_fills_an_empty_cache(door: Door, folder: Path, upstream: Upstream) -> None:
    upstream.script = either
    with Gateway(folder, door, config=config(upstream)) as gateway:
        ask(gateway, RESET)
        ask(gateway, "What does it cost?", stream=True)
        ask(gateway, RESET)  # a hit, which is not taken
        ask(gateway, "Where are you?", model="plain")
        unwanted = {"model": "faq", "messages": [{"role": "user", "content": "Mine alone"}]}
        gateway.http.post(CHAT, json=unwanted, headers={"cache-control": "no-store"})
        until(lambda: len(gateway.call("GET", "logs")["items"]) == 5, "rows")
        gateway.admin.delete("/api/v1/cache").raise_for_status()
        assert "3 calls could be tried" in run(gateway, "warm", "--from-logs", "--dry-run")
        assert gateway.call("GET", "cache")["stats"]["entries"] == 0
        said = run(gateway, "warm", "--from-logs")
        assert "2 answers kept" in said
        assert "1 not kept: its route keeps no answers now" in said
        calls = len(upstream.requests)
        assert [ask(gateway, text) for text in (RESET, "What does it cost?")] == ["hit-exact"] * 2
        assert len(upstream.requests) == calls
        assert ask(gateway, "Mine alone") == "miss", "its client wanted no part in it"
        until(lambda: ask(gateway, AGAIN) == "hit-semantic", "the embedder")
        assert "--from-logs" in run(gateway, "warm", code=2)


def test_without_bodies_in_the_log_it_says_what_keeps_them(
    door: Door, folder: Path, upstream: Upstream
) -> None:
    upstream.script = either
    settings = {**config(upstream), "log": {"payloads": False}}
    with Gateway(folder, door, config=settings) as gateway:
        ask(gateway, RESET)
        until(lambda: gateway.call("GET", "logs")["items"], "a row")
        assert "log.payloads" in run(gateway, "warm", "--from-logs", code=1)
