"""What the Python engine leaves out is a 501 that says so, and says what to do."""

from __future__ import annotations

import pytest

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
