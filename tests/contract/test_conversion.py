"""An OpenAI request that Anthropic serves: JSON and stream, tools and images, errors, and failover to it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from harness.chat import CHAT, chat
from harness.gateway import Gateway
from harness.mock import Mock
from harness.routing import Declared, Routing
from harness.upstream import Upstream, raw, sse, status
from harness.wire import End, Wire

pytestmark = pytest.mark.compiled

TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def anthropic(routing: Routing, root: str) -> Declared:
    return routing.provider(f"{root}/anthropic/v1", kind="anthropic")


def events(body: bytes) -> list[Any]:
    lines = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
    return [line if line == b"[DONE]" else json.loads(line) for line in lines]


def test_an_answer_in_json(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = anthropic(routing, mock.root)
    body = chat(provider.model("claude"), max_completion_tokens=64, seed=7, temperature=0.5)
    answer = gateway.http.post(CHAT, content=body, headers={"openai-beta": "x"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["object"] == "chat.completion"
    assert found["choices"][0]["message"]["content"]
    assert found["choices"][0]["finish_reason"] == "stop"
    assert found["id"] == "chatcmpl-" + answer.headers["x-gateway-request-id"]
    assert answer.headers["x-gateway-provider"] == provider.name
    assert answer.headers["x-gateway-dropped"] == "seed"
    (sent,) = mock.requests(provider.keys["main"])
    document = json.loads(sent["body_text"])
    assert (sent["path"], document["model"], document["max_tokens"]) == (
        "/anthropic/v1/messages",
        "claude",
        64,
    )
    headers = dict(sent["headers"])
    assert headers["anthropic-version"] == "2023-06-01"
    assert headers["x-api-key"] == provider.keys["main"]
    assert "authorization" not in headers
    assert "openai-beta" not in headers
    row = gateway.row(answer.headers["x-gateway-request-id"])
    usage = found["usage"]
    assert (row["tokens"]["input"], row["tokens"]["output"]) == (
        usage["prompt_tokens"],
        usage["completion_tokens"],
    )
    assert row["attempts"][0]["dropped"] == "seed"


def test_tools_and_images_go_and_a_call_comes_back(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = anthropic(routing, mock.root)
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    body = {
        "model": provider.model("claude"),
        "messages": [{"role": "system", "content": "Short."}, {"role": "user", "content": content}],
        "tools": [TOOL],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
    }
    answer = gateway.http.post(CHAT, json=body)
    assert answer.status_code == 200, answer.text
    (call,) = answer.json()["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "weather"
    json.loads(call["function"]["arguments"])
    assert answer.json()["choices"][0]["finish_reason"] == "tool_calls"
    sent = json.loads(mock.requests(provider.keys["main"])[0]["body_text"])
    assert sent["tools"][0]["name"] == "weather"
    image = sent["messages"][0]["content"][1]
    assert image["source"] == {"type": "base64", "media_type": "image/png", "data": PIXEL}


@pytest.mark.parametrize("tools", [False, True])
def test_a_stream(gateway: Gateway, mock: Mock, routing: Routing, tools: bool) -> None:
    provider = anthropic(routing, mock.root)
    more: dict[str, Any] = {"tools": [TOOL], "tool_choice": "required"} if tools else {}
    body = chat(provider.model("claude"), stream=True, stream_options={"include_usage": True}, **more)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, body)
        answer = wire.answer()
    assert (answer.status, answer.end) == (200, End.WHOLE)
    *chunks, done = events(answer.body)
    assert done == b"[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    if tools:
        calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
        json.loads("".join(call["function"].get("arguments", "") for call in calls))
    else:
        assert "".join(delta.get("content") or "" for delta in deltas)
    assert chunks[-1]["usage"]["completion_tokens"] > 0
    row = gateway.row(answer.header("x-gateway-request-id"))
    assert (row["outcome"], row["stream"]) == ("ok", True)
    assert row["tokens"]["output"] == chunks[-1]["usage"]["completion_tokens"]


@pytest.mark.parametrize("stream", [False, True])
def test_openai_is_down_and_anthropic_answers(
    gateway: Gateway, mock: Mock, routing: Routing, stream: bool
) -> None:
    down = routing.provider(mock.url)
    mock.script(down.keys["main"], status=503)
    provider = anthropic(routing, mock.root)
    body = chat(routing.alias(down.model("gpt"), provider.model("claude")), stream=stream)
    answer = gateway.http.post(CHAT, content=body)
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (200, "2")
    assert answer.headers["x-gateway-provider"] == provider.name
    if stream:
        assert events(answer.content)[-1] == b"[DONE]"
    else:
        assert answer.json()["object"] == "chat.completion"


@pytest.mark.kind("upstream_rejected")
@pytest.mark.parametrize(("code", "seen"), [(400, 400), (529, 503), (500, 500)])
def test_an_error_comes_back_in_the_clients_words(
    gateway: Gateway, routing: Routing, upstream: Upstream, code: int, seen: int
) -> None:
    said = b'{"type":"error","error":{"type":"some_error","message":"because"}}'
    upstream.script = status(code, said)
    provider = routing.provider(upstream.url, kind="anthropic")
    answer = gateway.http.post(CHAT, content=chat(provider.model("claude")))
    assert answer.status_code == seen
    error = answer.json()["error"]
    assert (error["message"], error["code"]) == ("because", "some_error")


START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message",'
    b'"role":"assistant","model":"c","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
)
OPEN = (
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
    b'"content_block":{"type":"text","text":""}}\n\n'
)
TEXT = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"hel"}}\n\n'
)
OVERLOADED = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n'


@pytest.mark.kind("upstream_cut")
def test_a_cut_is_told_in_the_clients_dialect(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = sse(START, OPEN, TEXT, end=False)
    provider = routing.provider(upstream.url, kind="anthropic")
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(provider.model("claude"), stream=True))
        answer = wire.answer()
    assert answer.end is End.CUT
    *_, text, error = events(answer.body)
    assert text["choices"][0]["delta"]["content"] == "hel"
    assert error["error"]["code"] == "upstream_cut"
    assert b"[DONE]" not in answer.body


@pytest.mark.kind("upstream_error_event")
def test_an_error_before_content_moves_on_and_after_it_is_told(
    gateway: Gateway, routing: Routing, mock: Mock, upstream: Upstream
) -> None:
    upstream.script = sse(START, OPEN, OVERLOADED)
    provider = routing.provider(upstream.url, kind="anthropic")
    good = routing.provider(mock.url)
    body = chat(routing.alias(provider.model("claude"), good.model()), stream=True)
    answer = gateway.http.post(CHAT, content=body)
    assert (answer.headers["x-gateway-provider"], events(answer.content)[-1]) == (good.name, b"[DONE]")
    upstream.script = sse(START, OPEN, TEXT, OVERLOADED)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(provider.model("other"), stream=True))
        answer_ = wire.answer()
    last = events(answer_.body)[-1]
    assert (last["error"]["message"], b"[DONE]" in answer_.body) == ("busy", False)
    row = gateway.row(answer_.header("x-gateway-request-id"))
    assert (row["outcome"], row["error"]) == ("error", "upstream_error_event")


def test_strict_refuses_what_would_be_dropped_and_another_lane_may_take_it(
    gateway: Gateway, mock: Mock, routing: Routing
) -> None:
    provider, native = anthropic(routing, mock.root), routing.provider(mock.url)
    strict = {"x-gateway-strict": "true"}
    answer = gateway.http.post(CHAT, content=chat(provider.model("claude"), seed=7), headers=strict)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert "seed" in answer.json()["error"]["message"]
    assert mock.requests(provider.keys["main"]) == []
    body = chat(routing.alias(provider.model("claude"), native.model()), seed=7)
    answer = gateway.http.post(CHAT, content=body, headers=strict)
    assert (answer.status_code, answer.headers["x-gateway-provider"]) == (200, native.name)
    wrong = gateway.http.post(
        CHAT, content=chat(provider.model("claude")), headers={"x-gateway-strict": "yes"}
    )
    assert (wrong.status_code, "true or false" in wrong.text) == (400, True)


@pytest.mark.kind("not_supported")
def test_what_is_not_converted_is_refused_or_served_by_another(
    gateway: Gateway, mock: Mock, routing: Routing
) -> None:
    provider, native = anthropic(routing, mock.root), routing.provider(mock.url)
    path = "/openai/v1/embeddings"
    answer = gateway.http.post(path, json={"model": provider.model("e"), "input": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "not_supported")
    both = routing.alias(provider.model("e"), native.model("e"))
    answer = gateway.http.post(path, json={"model": both, "input": "x"})
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (200, "1")
    twice = gateway.http.post(CHAT, content=chat(provider.model("claude"), n=2))
    assert (twice.status_code, "`n`" in twice.text) == (501, True)


@pytest.mark.kind("upstream_invalid")
def test_an_answer_of_another_dialect_is_none(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n"
    upstream.script = raw(head + b'{"choices":[]}', close=True)
    provider = routing.provider(upstream.url, kind="anthropic")
    answer = gateway.http.post(CHAT, content=chat(provider.model("claude")))
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_invalid")
