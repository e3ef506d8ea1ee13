"""What the log keeps of bodies, and that it can be read back."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from harness.chat import ANSWER, CHAT, DONE, FINISH, ROLE, chat, delta
from harness.doors import Door
from harness.gateway import Gateway
from harness.mock import Mock
from harness.routing import Routing
from harness.upstream import Upstream, json_answer, sse

pytestmark = pytest.mark.compiled


def payloads(gateway: Gateway, request_id: str) -> dict[str, Any]:
    """Wait for the row, then read its bodies."""
    gateway.row(request_id)
    found: dict[str, Any] = gateway.call("GET", f"logs/{request_id}/payloads")
    return found


def test_both_bodies_as_they_went(gateway: Gateway, routing: Routing, upstream: Upstream, door: Door) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    body = chat(provider.model("m-1"), note="Zürich 🦀")
    answer = gateway.http.post(
        CHAT, content=body, headers={"content-type": "application/json; charset=utf-8"}
    )
    request_id = answer.headers["x-gateway-request-id"]
    found = payloads(gateway, request_id)
    assert (found["request_id"], found["state"]) == (request_id, "kept")
    assert found["request"] == {
        "media_type": "application/json", "content_encoding": None, "bytes": len(body), "truncated": False,
        "shed": False, "text": body.decode(), "base64": None,
    }  # fmt: skip
    assert (found["response"]["text"], found["response"]["media_type"]) == (
        ANSWER.decode(),
        "application/json",
    )
    row = gateway.row(request_id)
    assert row["payloads"]["state"] == "kept"
    assert 0 < row["payloads"]["stored_bytes"] < len(body) + len(ANSWER) + 300


def test_a_stream_is_kept_as_it_went(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    parts = [ROLE, *(delta(f"word {number} ") for number in range(200)), FINISH, DONE]
    upstream.script = sse(*parts)
    provider = routing.provider(upstream.url)
    answer = gateway.http.post(CHAT, content=chat(provider.model(), stream=True))
    found = payloads(gateway, answer.headers["x-gateway-request-id"])
    assert found["response"]["text"].encode() == b"".join(parts) == answer.content
    assert (found["state"], found["response"]["media_type"]) == ("kept", "text/event-stream")


def test_an_error_of_the_gateway_is_kept(gateway: Gateway) -> None:
    body = chat("groq/x")
    answer = gateway.http.post(CHAT, content=body)
    assert answer.status_code == 401
    found = payloads(gateway, answer.headers["x-gateway-request-id"])
    assert (found["request"]["text"].encode(), found["response"]["text"]) == (body, answer.text)


def test_long_bodies_are_kept_to_the_limit(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    text = "é" * 50_000
    answer = json.dumps({"choices": [], "padding": text}, ensure_ascii=False).encode()
    upstream.script = json_answer(answer)
    provider = routing.provider(upstream.url)
    body = json.dumps({"model": provider.model(), "messages": [], "x": text}, ensure_ascii=False).encode()
    got = gateway.http.post(CHAT, content=body)
    assert got.content == answer
    found = payloads(gateway, got.headers["x-gateway-request-id"])
    assert found["state"] == "truncated"
    for kept, whole in ((found["request"], body), (found["response"], answer)):
        assert (kept["bytes"], kept["truncated"]) == (64_000, True)
        assert kept["text"] == whole[:64_000].decode(errors="ignore")


def test_a_compressed_answer_is_kept_compressed(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    packed = gzip.compress(b'{"data": []}')
    upstream.script = json_answer(packed, headers=[("content-encoding", "gzip")])
    provider = routing.provider(upstream.url)
    answer = gateway.http.get("/v1/files", headers={"x-gateway-provider": provider.name})
    found = payloads(gateway, answer.headers["x-gateway-request-id"])
    assert found["request"] is None
    assert (found["response"]["content_encoding"], found["response"]["text"]) == ("gzip", None)
    assert base64.b64decode(found["response"]["base64"]) == packed


def test_an_alias_may_keep_none(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    alias = routing.alias(provider.model("echo"))
    gateway.call("PUT", f"models/{alias}", targets=[provider.model("echo")], log={"payloads": False})
    quiet = gateway.http.post(CHAT, content=chat(alias)).headers["x-gateway-request-id"]
    loud = gateway.http.post(CHAT, content=chat(provider.model("echo"))).headers["x-gateway-request-id"]
    assert payloads(gateway, quiet) == {
        "request_id": quiet,
        "state": "off",
        "request": None,
        "response": None,
    }
    assert payloads(gateway, loud)["state"] == "kept"
    assert gateway.call("GET", f"models/{alias}")["log"] == {"payloads": False}


def test_no_header_and_no_key_is_kept(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    headers = {"authorization": "Bearer sk-client-secret-value", "x-note": "header-secret-value"}
    answer = gateway.http.post(CHAT, content=chat(provider.model("echo")), headers=headers)
    payloads(gateway, answer.headers["x-gateway-request-id"])
    written = b"".join(file.read_bytes() for file in (gateway.data / "payloads").iterdir())
    assert provider.name.encode() in written, "small bodies are packed with their words in them"
    for secret in ("sk-client-secret-value", "header-secret-value", provider.keys["main"]):
        assert secret.encode() not in written


def test_an_unknown_request_has_no_bodies(gateway: Gateway) -> None:
    assert gateway.admin.get("/api/v1/logs/nothing/payloads").status_code == 404


def test_the_setting_is_live_and_deleted_bodies_are_gone(folder: Any, door: Door, mock: Mock) -> None:
    provider = {"kind": "openai-compatible", "base_url": mock.url, "keys": ["key-of-this-test"]}
    with Gateway(folder, door, config={"providers": {"mine": provider}}) as gateway:

        def ask() -> str:
            answer = gateway.http.post(CHAT, content=chat("mine/echo"))
            return str(answer.headers["x-gateway-request-id"])

        first = ask()
        assert payloads(gateway, first)["state"] == "kept"
        gateway.call("PATCH", "config", log={"payloads": False})
        assert payloads(gateway, ask())["state"] == "off"
        gateway.call("PATCH", "config", log={"payloads": True, "payload_limit": "40B"})
        short = payloads(gateway, ask())
        assert (short["state"], short["request"]["bytes"], short["response"]["bytes"]) == (
            "truncated",
            40,
            40,
        )
        for file in (gateway.data / "payloads").iterdir():
            file.unlink()
        gone = gateway.call("GET", f"logs/{first}/payloads")
        assert (gone["state"], gone["request"], gone["response"]) == ("gone", None, None)
        assert gateway.row(first)["payloads"]["state"] == "gone"
