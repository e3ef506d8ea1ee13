"""Everything that the gateway does not read goes through: forms, files, stored things, unknown paths."""

from __future__ import annotations

import json
import threading

import pytest

from harness.chat import chat
from harness.doors import Door
from harness.gateway import Gateway
from harness.mock import Mock
from harness.routing import Routing
from harness.upstream import Exchange, Upstream, json_answer, raw, status
from harness.wire import Wire

pytestmark = pytest.mark.compiled

BOUNDARY = "-------x"
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(name: str, data: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="a.bin"\r\n\r\n'
    return head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


def test_a_form_arrives_byte_for_byte(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = json_answer(b'{"text":"hi"}')
    provider = routing.provider(upstream.url)
    body = form("file", bytes(range(256)) * 40)
    headers = {**FORM, "x-gateway-provider": provider.name, "accept-encoding": "gzip"}
    answer = gateway.http.post("/v1/audio/transcriptions?x=1", content=body, headers=headers)
    assert (answer.status_code, answer.content) == (200, b'{"text":"hi"}')
    request = upstream.requests[0]
    assert (request.method, request.target, request.body) == ("POST", "/v1/audio/transcriptions?x=1", body)
    assert request.header("content-type") == FORM["content-type"]
    assert request.header("accept-encoding") == "gzip", "what is not read is not asked to be plain"


def test_a_form_flows_while_it_arrives(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    """The provider has the head and the first part while the client still holds the last."""
    head_here = threading.Event()
    upstream.on_head = lambda _: head_here.set()
    upstream.script = json_answer(b"{}")
    provider = routing.provider(upstream.url)
    body = form("file", b"x" * 300_000)
    with Wire(gateway.port) as wire:
        named = [*FORM.items(), ("Content-Length", str(len(body))), ("x-gateway-provider", provider.name)]
        wire.head("POST", "/v1/files", named)
        wire.write(body[:200_000])
        assert head_here.wait(20), "the gateway waits for the whole body"
        wire.write(body[200_000:])
        assert wire.answer().status == 200
    assert upstream.requests[0].body == body


def test_a_large_form_is_not_held(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = json_answer(b"{}")
    provider = routing.provider(upstream.url)
    body = form("file", b"x" * 40_000_000)
    before, highest = gateway.rss(), 0
    with Wire(gateway.port) as wire:
        named = [*FORM.items(), ("Transfer-Encoding", "chunked"), ("x-gateway-provider", provider.name)]
        wire.head("POST", "/v1/files", named)
        for start in range(0, len(body), 1_000_000):
            part = body[start : start + 1_000_000]
            wire.write(b"%x\r\n%b\r\n" % (len(part), part))
            highest = max(highest, gateway.rss())
        wire.write(b"0\r\n\r\n")
        assert wire.answer().status == 200
    assert len(upstream.requests[0].body) == len(body)
    assert highest - before < 25 << 20


def test_an_upload_is_held_back_by_a_provider_that_does_not_read(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    go_on = threading.Event()
    upstream.on_head = lambda _: go_on.wait(20) and None
    upstream.script = json_answer(b"{}")
    provider = routing.provider(upstream.url)
    body = form("file", b"x" * 60_000_000)
    before = gateway.rss()
    with Wire(gateway.port, timeout=2.0) as wire:
        named = [*FORM.items(), ("Content-Length", str(len(body))), ("x-gateway-provider", provider.name)]
        wire.head("POST", "/v1/files", named)
        with pytest.raises(TimeoutError):
            wire.write(body)
        assert gateway.rss() - before < 30 << 20
        go_on.set()


def test_an_answer_before_the_end_of_the_upload_is_relayed(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    def refuse(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 413 No\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")

    upstream.on_head = refuse
    upstream.script = raw(b"", close=True)
    provider = routing.provider(upstream.url)
    with Wire(gateway.port) as wire:
        named = [*FORM.items(), ("Content-Length", "500000"), ("x-gateway-provider", provider.name)]
        wire.head("POST", "/v1/files", named)
        wire.write(b"x" * 1000)
        answer = wire.answer()
    assert (answer.status, answer.body) == (413, b"{}")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "files"),
        ("DELETE", "files/file-1"),
        ("GET", "files/file-1/content"),
        ("POST", "batches"),
        ("GET", "responses/resp_1"),
        ("POST", "responses/resp_1/cancel"),
        ("GET", "chat/completions/c-1"),
        ("POST", "vector_stores"),
        ("POST", "fine_tuning/jobs"),
        ("PUT", "something/new"),
    ],
)
def test_stored_things_use_one_stable_key(
    gateway: Gateway, routing: Routing, upstream: Upstream, method: str, path: str
) -> None:
    upstream.script = json_answer(b"{}")
    keys = [
        {"name": "off", "enabled": False},
        {"name": "first", "weight": 0.01},
        {"name": "second", "weight": 100},
    ]
    provider = routing.provider(upstream.url, keys=keys)
    stored = path != "something/new"
    for _ in range(6 if stored else 1):
        answer = gateway.http.request(method, f"/v1/{path}", headers={"x-gateway-provider": provider.name})
        assert answer.status_code == 200, answer.text
    assert {request.method for request in upstream.requests} == {method}
    assert {request.target for request in upstream.requests} == {f"/v1/{path}"}
    if stored:
        assert {request.header("authorization") for request in upstream.requests} == {
            f"Bearer {provider.keys['first']}"
        }


def test_a_pin_chooses_another_key_for_stored_things(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.script = json_answer(b"{}")
    provider = routing.provider(upstream.url, keys=["first", "second"])
    pins = {"x-gateway-provider": provider.name, "x-gateway-key": "second"}
    assert gateway.http.get("/v1/files", headers=pins).status_code == 200
    assert upstream.requests[0].header("authorization") == f"Bearer {provider.keys['second']}"


def test_stored_things_never_fail_over(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = status(503, b'{"a":1}')
    provider = routing.provider(upstream.url, keys=["first", "second"])
    answer = gateway.http.get("/v1/files", headers={"x-gateway-provider": provider.name})
    assert (answer.status_code, answer.content, len(upstream.requests)) == (503, b'{"a":1}', 1)


def test_an_upload_reads_back(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    """Through the mock, which understands forms."""
    provider = routing.provider(mock.url, keys=["first", "second"])
    pin = {"x-gateway-provider": provider.name}
    files = {"file": ("a.jsonl", b'{"a":1}\n'), "purpose": (None, "batch")}
    made = gateway.http.post("/openai/v1/files", files=files, headers=pin)
    assert made.status_code == 200, made.text
    file_id = made.json()["id"]
    content = gateway.http.get(f"/openai/v1/files/{file_id}/content", headers=pin)
    assert content.content == b'{"a":1}\n'
    assert gateway.http.delete(f"/openai/v1/files/{file_id}", headers=pin).json()["deleted"] is True


def test_images_in_json_find_their_provider_by_model(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    answer = gateway.http.post("/v1/images/generations", json={"model": provider.model("img"), "prompt": "x"})
    assert answer.status_code == 200, answer.text
    (row,) = mock.requests(provider.keys["main"])
    assert json.loads(row["body_text"])["model"] == "img"


def test_speech_comes_back_as_bytes(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    answer = gateway.http.post(
        "/v1/audio/speech", json={"model": provider.model("tts"), "input": "x", "voice": "a"}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")
    assert len(answer.content) > 1000


def test_an_encoded_answer_of_an_opaque_path_stays_encoded(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    body = b"\x1f\x8b not really gzip"
    upstream.script = json_answer(body, [("content-encoding", "gzip")])
    provider = routing.provider(upstream.url)
    with Wire(gateway.port) as wire:
        wire.head(
            "GET", "/v1/files/f/content", [("x-gateway-provider", provider.name), ("Accept-Encoding", "gzip")]
        )
        answer = wire.answer()
    assert (answer.body, answer.header("content-encoding")) == (body, "gzip")


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_answers_without_a_body_end(
    gateway: Gateway, routing: Routing, upstream: Upstream, method: str
) -> None:
    upstream.script = raw(b"HTTP/1.1 204 No Content\r\nx-a: b\r\n\r\n")
    provider = routing.provider(upstream.url)
    for _ in range(2):
        answer = gateway.http.request(method, "/v1/files/f", headers={"x-gateway-provider": provider.name})
        assert (answer.status_code, answer.content, answer.headers["x-a"]) == (204, b"", "b")


def test_responses_are_inference(gateway: Gateway, mock: Mock, routing: Routing, door: Door) -> None:
    bad, good = routing.provider(mock.url), routing.provider(mock.url)
    mock.script(bad.keys["main"], status=500)
    model = routing.alias(bad.model("echo"), good.model("echo"))
    answer = gateway.http.post("/openai/v1/responses", json={"model": model, "input": "hi there"})
    assert answer.status_code == 200, (door, answer.text)
    assert answer.headers["x-gateway-attempts"] == "2"
    assert "hi there" in answer.text


def test_chat_with_a_body_of_another_type_is_read_all_the_same(
    gateway: Gateway, mock: Mock, routing: Routing
) -> None:
    provider = routing.provider(mock.url)
    answer = gateway.http.post(
        "/v1/chat/completions", content=chat(provider.model()), headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 200
