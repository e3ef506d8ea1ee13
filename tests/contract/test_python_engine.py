"""What the Python engine leaves out is a 501 that says so, and says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.chat import CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway

LEFT_OUT = [
    ("POST", "responses"),
    ("GET", "responses/resp_1"),
    ("POST", "images/generations"),
    ("POST", "audio/transcriptions"),
    ("GET", "files"),
    ("POST", "files"),
    ("POST", "batches"),
    ("DELETE", "models/ft:x"),
    ("POST", "something/new"),
]


@pytest.mark.kind("not_supported")
@pytest.mark.parametrize(("method", "path"), LEFT_OUT)
@pytest.mark.doors("python")
def test_it_says_what_it_leaves_out(gateway: Gateway, method: str, path: str) -> None:
    answer = gateway.http.request(
        method, f"/openai/v1/{path}", json={"model": "m"} if method == "POST" else None
    )
    assert answer.status_code == 501
    error = answer.json()["error"]
    assert (error["code"], error["type"]) == ("not_supported", "gateway_error")
    assert path.partition("/")[0] in error["message"]
    assert "--engine python" in error["message"]


@pytest.mark.doors("python")
def test_a_request_that_was_to_meet_a_hook_does_not_go_past_it(door: Door, folder: Path) -> None:
    folder.mkdir()
    (folder / "company.py").write_text("def on_request(body, context):\n    return None\n")
    models = {"free": {"targets": ["mock/echo"], "hooks": []}, "guarded": {"targets": ["mock/echo"]}}
    config = {"hooks": ["./company.py"], "models": models}
    with Gateway(folder, door, config=config, flags=["--mock"]) as gateway:
        answers = {
            model: gateway.http.post(CHAT, content=chat(model)) for model in ("free", "guarded", "mock/echo")
        }
    assert {model: answer.status_code for model, answer in answers.items()} == {
        "free": 200,
        "guarded": 501,
        "mock/echo": 501,
    }
    assert "hooks" in answers["guarded"].json()["error"]["message"]
