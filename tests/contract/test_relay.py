"""Same dialect in and out: nothing is dropped, reordered or written anew, in either direction."""

from __future__ import annotations

import json

import pytest

from harness.chat import ANSWER, CHAT, DONE, FINISH, ROLE, chat, delta
from harness.gateway import Gateway
from harness.routing import Routing
from harness.upstream import Upstream, json_answer, raw, sse, stream_head
from harness.wire import End, Wire

JSON = {"content-type": "application/json"}

BODIES = {
    "white space": b'\r\n{ "model"\t:\n"MODEL" ,\r"messages" : [ ] }\n ',
    "key order": b'{"z":1,"messages":[],"model":"MODEL","a":{"model":"inner"}}',
    "unicode escapes": b'{"model":"MODEL","messages":[{"content":"\\u00e9\\ud83d\\ude00\\/"}],"\\u006b":0}',
    "raw unicode": '{"model":"MODEL","messages":[{"content":"žluťoučký 🐎 \u2028"}]}'.encode(),
    "lone surrogate escape": b'{"model":"MODEL","messages":[{"content":"\\ud800 x"}]}',
    "numbers": b'{"model":"MODEL","seed":123456789012345678901234567890,"t":1.00,"e":1E+2,"z":-0,"s":1e-400}',
    "duplicates of other keys": b'{"top_p":1,"model":"MODEL","top_p":0.5,"messages":[],"top_p":1}',
    "escaped key": b'{"mod\\u0065l":"MODEL","messages":[]}',
    "model in a string": b'{"messages":[{"content":"\\"model\\":\\"x\\""}],"model":"MODEL"}',
    "empty members": b'{"model":"MODEL","":{},"tools":[],"x":null}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_only_the_models_value_changes_on_the_way_up(
    gateway: Gateway, routing: Routing, upstream: Upstream, body: bytes
) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    sent = body.replace(b"MODEL", provider.model("m-1").encode())
    answer = gateway.http.post(CHAT, content=sent, headers=JSON)
    assert answer.status_code == 200, answer.text
    assert upstream.requests[0].body == body.replace(b"MODEL", b"m-1")


def test_an_escaped_model_value_is_replaced_whole(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.script = json_answer(ANSWER)
    name = routing.provider(upstream.url).name
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in f'{name}/é"\\')
    answer = gateway.http.post(CHAT, content=b'{"model":"%b","messages":[]}' % escaped.encode(), headers=JSON)
    assert answer.status_code == 200, answer.text
    received = upstream.requests[0].body
    assert json.loads(received)["model"] == 'é"\\'
    assert received.endswith(b',"messages":[]}')


def test_a_body_that_needs_no_change_is_not_changed(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url, keys=[{"name": "main", "models": ["bare-model"]}])
    body = b'{ "model" : "bare\\u002dmodel", "messages": [] }'
    gateway.http.post(CHAT, content=body, headers=JSON)
    assert upstream.requests[0].body == body
    assert provider.keys["main"] in (upstream.requests[0].header("authorization") or "")


@pytest.mark.parametrize("size", [3_000, 5_000, 400_000])
def test_large_bodies_arrive_whole(gateway: Gateway, routing: Routing, upstream: Upstream, size: int) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    text = "x" * size
    body = chat(provider.model("m"), note=text)
    with Wire(gateway.port) as wire:
        wire.head("POST", CHAT, [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
        for start in range(0, len(body), 10_000):
            part = body[start : start + 10_000]
            wire.write(b"%x\r\n%b\r\n" % (len(part), part))
        wire.write(b"0\r\n\r\n")
        assert wire.answer().status == 200
    received = upstream.requests[0]
    assert json.loads(received.body)["note"] == text
    assert received.header("content-length") == str(len(received.body))


ANSWERS = {
    "as providers write": ANSWER,
    "white space and order": b' {\r\n "usage":{"prompt_tokens":1},\t"id" : "x" , "choices":[ ] }\n\n',
    "big numbers and escapes": b'{"n":123456789012345678901234567890,"s":"\\u00e9\\/","d":1,"d":2}',
    "an array": b'[{"a":1}]',
    "larger than what is held": b'{"data":"' + b"y" * 1_500_000 + b'","usage":{"prompt_tokens":1}}',
}


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS.keys())
def test_a_json_answer_comes_down_as_it_is(
    gateway: Gateway, routing: Routing, upstream: Upstream, body: bytes
) -> None:
    upstream.script = json_answer(body)
    provider = routing.provider(upstream.url)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(provider.model()))
        answer = wire.answer()
    assert (answer.status, answer.end) == (200, End.WHOLE)
    assert answer.body == body
    assert answer.header("content-length") == str(len(body))


def test_an_answer_that_ends_with_the_connection_is_whole(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.script = raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + ANSWER, close=True)
    provider = routing.provider(upstream.url)
    answer = gateway.http.post(CHAT, content=chat(provider.model()), headers=JSON)
    assert (answer.status_code, answer.content) == (200, ANSWER)


STREAMS = {
    "as providers write": [ROLE, delta("a"), delta("b"), FINISH, DONE],
    "carriage returns": [part.replace(b"\n", b"\r\n") for part in (ROLE, delta("a"), FINISH, DONE)],
    "comments, ids, names and retry": [
        b": OPENROUTER PROCESSING\n\n",
        b"retry: 10\nid: 7\nevent: message\n" + ROLE,
        b":\n\n\n\n",
        delta("a"),
        b"id: 8\n" + FINISH,
        DONE,
    ],
    "no space, more fields, unicode": [
        'data:{"choices":[{"delta":{"content":"é🐎"}}],"x":[1,  2]}\n\n'.encode(),
        b"x-unknown: 1\n" + FINISH,
        b"data:[DONE]\n\n",
    ],
    "data over lines": [b'data: {"choices":[{"delta":\ndata: {"content":"a"}}]}\n\n', FINISH, DONE],
    "torn anywhere": [
        b"da",
        b'ta: {"choices":[{"delta":{"con',
        b'tent":"a"}}]}\n',
        b"\n",
        FINISH + DONE[:3],
        DONE[3:],
    ],
    "an unfinished last event": [delta("a"), FINISH, b"data: [DONE]\n"],
    "an event beyond what is held": [delta("a"), delta("z" * 200_000), FINISH, DONE],
}


@pytest.mark.parametrize("parts", STREAMS.values(), ids=STREAMS.keys())
def test_a_stream_comes_down_as_it_is(
    gateway: Gateway, routing: Routing, upstream: Upstream, parts: list[bytes]
) -> None:
    upstream.script = sse(*parts)
    provider = routing.provider(upstream.url)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(provider.model(), stream=True))
        answer = wire.answer()
    assert answer.body == b"".join(parts)
    assert (answer.status, answer.end) == (200, End.WHOLE)
    assert answer.header("content-type") == "text/event-stream"


def test_a_stream_may_answer_who_asked_for_none(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """What the answer is, its own type says."""
    upstream.script = sse(delta("a"), FINISH, DONE)
    provider = routing.provider(upstream.url)
    answer = gateway.http.post(CHAT, content=chat(provider.model()), headers=JSON)
    assert answer.content == delta("a") + FINISH + DONE


def test_a_stream_with_a_length_is_relayed(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    body = delta("a") + FINISH + DONE
    head = stream_head().replace(b"transfer-encoding: chunked", b"content-length: %d" % len(body))
    upstream.script = raw(head + body)
    provider = routing.provider(upstream.url)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(provider.model(), stream=True))
        answer = wire.answer()
    assert (answer.body, answer.end) == (body, End.WHOLE)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 422, 418])
def test_a_refusal_of_the_provider_is_relayed_as_it_came(
    gateway: Gateway, routing: Routing, upstream: Upstream, code: int
) -> None:
    body = b'{ "error" : {"message": "no", "code": null } }\n'
    lines = [
        f"HTTP/1.1 {code} No",
        f"content-length: {len(body)}",
        "content-type: application/json",
        "x-why: so",
    ]
    upstream.script = raw("\r\n".join([*lines, "", ""]).encode() + body)
    provider = routing.provider(upstream.url)
    answer = gateway.http.post(CHAT, content=chat(provider.model()), headers=JSON)
    assert (answer.status_code, answer.content, answer.headers["x-why"]) == (code, body, "so")
    assert "x-should-retry" not in answer.headers


def test_no_redirect_is_followed(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    """Nor shown: an SDK that followed it would take the prompt past the gateway."""
    other = b"HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:%d/x\r\ncontent-length: 0\r\n\r\n"
    upstream.script = raw(other % upstream.port)
    provider = routing.provider(upstream.url)
    answer = gateway.http.post(CHAT, content=chat(provider.model()), headers=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_invalid")
    assert "location" not in answer.headers
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/openai/chat/completions",
        "/v1/chat/completions",
        "/litellm/v1/chat/completions",
        "/langchain/openai/v1/chat/completions",
        "/pydanticai/chat/completions",
    ],
)
def test_every_prefix_leads_there_and_the_query_goes_along(
    gateway: Gateway, routing: Routing, upstream: Upstream, path: str
) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url, query={"api-version": "2024"})
    answer = gateway.http.post(f"{path}?a=%2F&b", content=chat(provider.model()), headers=JSON)
    assert answer.status_code == 200
    assert upstream.requests[0].target == "/v1/chat/completions?api-version=2024&a=%2F&b"
