"""Until the commit any lane may fail and the next one is tried; a client's own mistake is not tried twice."""

from __future__ import annotations

import json
import socket
import ssl

import httpx
import pytest

from harness.certificates import Certificates
from harness.chat import ANSWER, CHAT, DONE, FINISH, ROLE, chat, delta
from harness.gateway import Gateway
from harness.mock import Mock
from harness.routing import Declared, Routing
from harness.upstream import Exchange, Script, Upstream, json_answer, raw, sse, status, stream_head
from harness.wire import End, Wire

ERROR_EVENT = b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def stand_still(exchange: Exchange) -> None:
    exchange.wait_until_left()
    exchange.close()


def after(data: bytes) -> Script:
    """Send something, then stand still."""

    def script(exchange: Exchange) -> None:
        exchange.send(data)
        stand_still(exchange)

    return script


def reset(exchange: Exchange) -> None:
    exchange.reset()


FAILURES: dict[str, tuple[Script, str]] = {
    "500": (status(500, b"{}"), "upstream_status"),
    "502 with a page": (status(502, b"<html>", [("content-type", "text/html")]), "upstream_status"),
    "503": (status(503, b"{}"), "upstream_status"),
    "429": (status(429, b"{}", [("retry-after", "7")]), "upstream_status"),
    "closed before an answer": (raw(b"", close=True), "upstream_reset"),
    "reset before an answer": (reset, "upstream_reset"),
    "not HTTP": (raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", close=True), "upstream_invalid"),
    "JSON that is none": (json_answer(b'{"choices":['), "upstream_invalid"),
    "a page that says it is JSON": (json_answer(b"<html>no</html>"), "upstream_invalid"),
    "a JSON answer that breaks off": (
        raw(JSON_HEAD + b"content-length: 100\r\n\r\n{", close=True),
        "upstream_cut",
    ),
    "no answer in time": (stand_still, "upstream_timeout"),
}


@pytest.mark.kind("upstream_status", "upstream_reset", "upstream_invalid", "upstream_timeout")
@pytest.mark.parametrize(("script", "kind"), FAILURES.values(), ids=FAILURES.keys())
def test_the_next_lane_is_tried(
    gateway: Gateway, routing: Routing, upstream: Upstream, mock: Mock, script: Script, kind: str
) -> None:
    upstream.script = script
    bad = routing.provider(upstream.url, timeouts={"connect": "1s", "headers": "300ms", "json": "1s"})
    good = routing.provider(mock.url)
    body = chat(routing.alias(bad.model("bad"), good.model("good")))
    answer = gateway.http.post(CHAT, content=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-gateway-provider"] == good.name
    assert answer.headers["x-gateway-attempts"] == "2"
    assert len(upstream.requests) == 1
    assert json.loads(upstream.requests[0].body)["model"] == "bad"
    assert json.loads(mock.requests(good.keys["main"])[0]["body_text"])["model"] == "good"
    (failed,), (served,) = gateway.lanes(bad.name), gateway.lanes(good.name)
    assert (failed["last_error"], failed["failures"], failed["successes"]) == (kind, 1, 0)
    assert (served["last_error"], served["failures"], served["successes"]) == (None, 0, 1)


STREAM_FAILURES: dict[str, tuple[Script, str]] = {
    "cut before content": (sse(ROLE, end=False), "upstream_cut"),
    "cut before anything": (sse(end=False), "upstream_cut"),
    "ended before content": (sse(ROLE), "upstream_cut"),
    "an error before content": (sse(ROLE, ERROR_EVENT), "upstream_error_event"),
    "an error at once": (sse(b"event: error\ndata: {}\n\n"), "upstream_error_event"),
    "silence before content": (after(stream_head()), "upstream_timeout"),
}


@pytest.mark.kind("upstream_cut", "upstream_error_event")
@pytest.mark.parametrize(("script", "kind"), STREAM_FAILURES.values(), ids=STREAM_FAILURES.keys())
def test_a_stream_that_fails_before_its_content_is_tried_elsewhere(
    gateway: Gateway, routing: Routing, upstream: Upstream, script: Script, kind: str
) -> None:
    upstream.queue = [script]
    upstream.script = sse(ROLE, delta("b"), FINISH, DONE)
    bad = routing.provider(upstream.url, timeouts={"idle": "300ms"})
    good = routing.provider(upstream.url)
    body = chat(routing.alias(bad.model(), good.model()), stream=True)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, body)
        answer = wire.answer()
    assert answer.body == ROLE + delta("b") + FINISH + DONE, "nothing of the failed lane is shown"
    assert (answer.end, answer.header("x-gateway-attempts")) == (End.WHOLE, "2")
    assert gateway.lanes(bad.name)[0]["last_error"] == kind


@pytest.mark.kind("upstream_connect")
def test_a_refused_connection_is_tried_elsewhere(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    bad, good = routing.provider(f"http://127.0.0.1:{port}/v1"), routing.provider(mock.url)
    answer = gateway.http.post(CHAT, content=chat(routing.alias(bad.model(), good.model())))
    assert (answer.status_code, answer.headers["x-gateway-provider"]) == (200, good.name)
    alone = gateway.http.post(CHAT, content=chat(bad.model()))
    assert (alone.status_code, alone.json()["error"]["code"]) == (502, "upstream_connect")
    assert alone.json()["error"]["type"] == "gateway_error"


@pytest.mark.kind("upstream_dns")
def test_a_name_that_does_not_resolve_is_tried_elsewhere(
    gateway: Gateway, mock: Mock, routing: Routing
) -> None:
    bad, good = routing.provider("http://nowhere.invalid/v1"), routing.provider(mock.url)
    answer = gateway.http.post(CHAT, content=chat(routing.alias(bad.model(), good.model())))
    assert (answer.status_code, answer.headers["x-gateway-provider"]) == (200, good.name)
    alone = gateway.http.post(CHAT, content=chat(bad.model()))
    assert (alone.status_code, alone.json()["error"]["code"]) == (502, "upstream_dns")


@pytest.mark.kind("upstream_tls")
def test_an_unknown_authority_is_refused(
    gateway: Gateway, routing: Routing, certificates: Certificates
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.chain, certificates.key)
    with Upstream(script=json_answer(ANSWER), tls=context) as upstream:
        provider = routing.provider(upstream.url)
        answer = gateway.http.post(CHAT, content=chat(provider.model()))
        assert upstream.requests == []
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_tls")


@pytest.mark.kind("upstream_rejected")
@pytest.mark.parametrize("code", [400, 404, 413, 422])
def test_what_the_client_did_wrong_is_not_sent_elsewhere(
    gateway: Gateway, mock: Mock, routing: Routing, code: int
) -> None:
    first, second = routing.provider(mock.url), routing.provider(mock.url)
    mock.script(first.keys["main"], status=code)
    answer = gateway.http.post(CHAT, content=chat(routing.alias(first.model(), second.model())))
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (code, "1")
    assert mock.requests(second.keys["main"]) == []
    assert gateway.lanes(first.name)[0]["failures"] == 0, "the provider did well to refuse it"


REFUSED_KEYS: dict[str, Script] = {
    "401": status(401, b"{}"),
    "402": status(402, b"{}"),
    "403": status(403, b"{}"),
    "429 without quota": status(429, b'{"error":{"message":"m","code":"insufficient_quota"}}'),
    "400 of a bad key": status(400, b'[{"error":{"code":400,"details":[{"reason":"API_KEY_INVALID"}]}}]'),
}


@pytest.mark.kind("upstream_key_refused")
@pytest.mark.parametrize("script", REFUSED_KEYS.values(), ids=REFUSED_KEYS.keys())
def test_a_refused_key_gives_way_to_the_next_one(
    gateway: Gateway, mock: Mock, routing: Routing, upstream: Upstream, script: Script
) -> None:
    upstream.script = script
    bad, good = routing.provider(upstream.url), routing.provider(mock.url)
    answer = gateway.http.post(CHAT, content=chat(routing.alias(bad.model(), good.model())))
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (200, "2")
    assert answer.headers["x-gateway-provider"] == good.name
    (refused,) = gateway.lanes(bad.name)
    assert (refused["last_error"], refused["failures"]) == ("upstream_key_refused", 1)


@pytest.mark.kind("upstream_filtered")
@pytest.mark.parametrize("code", ["content_filter", "content_policy_violation"])
def test_a_content_filter_is_relayed_and_held_against_nobody(
    gateway: Gateway, mock: Mock, routing: Routing, upstream: Upstream, code: str
) -> None:
    said = json.dumps({"error": {"message": "no", "type": "invalid_request_error", "code": code}}).encode()
    upstream.script = status(400, said)
    bad, good = routing.provider(upstream.url), routing.provider(mock.url)
    answer = gateway.http.post(CHAT, content=chat(routing.alias(bad.model(), good.model())))
    assert (answer.status_code, answer.content) == (400, said)
    assert answer.headers["x-gateway-attempts"] == "1"
    assert mock.requests(good.keys["main"]) == []
    assert gateway.row(answer.headers["x-gateway-request-id"])["error"] == "upstream_filtered"
    assert gateway.lanes(bad.name)[0]["failures"] == 0, "the provider works"


def both_fail(gateway: Gateway, routing: Routing, upstream: Upstream, *scripts: Script) -> httpx.Response:
    upstream.queue = list(scripts)
    providers: list[Declared] = [routing.provider(upstream.url) for _ in scripts]
    return gateway.http.post(CHAT, content=chat(routing.alias(*(provider.model() for provider in providers))))


def test_the_last_answer_is_relayed_as_it_came(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    last = b'{ "error": {"message":"slow  down" } }\n'
    answer = both_fail(
        gateway,
        routing,
        upstream,
        status(500, b"{}"),
        status(429, last, [("retry-after", "7"), ("x-ms", "1")]),
    )
    assert (answer.status_code, answer.content) == (429, last)
    assert (answer.headers["retry-after"], answer.headers["x-ms"]) == ("7", "1")
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-gateway-attempts"] == "2"


def test_an_answer_outlives_a_later_failure_without_one(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    said = status(503, b'{"a":1}', [("connection", "close")])
    answer = both_fail(gateway, routing, upstream, said, raw(b"", close=True))
    assert (answer.status_code, answer.content) == (503, b'{"a":1}')
    assert answer.headers["x-should-retry"] == "false"


def test_one_lane_leaves_retrying_to_the_client(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    answer = both_fail(gateway, routing, upstream, status(429, b"{}", [("retry-after", "3")]))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert "x-should-retry" not in answer.headers
    assert answer.headers["x-gateway-attempts"] == "1"


def test_several_lanes_without_an_answer_end_in_the_gateways_error(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    answer = both_fail(gateway, routing, upstream, raw(b"", close=True), raw(b"", close=True))
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_reset")
    assert answer.headers["x-should-retry"] == "false"


def test_every_key_of_a_provider_is_tried_once(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url, keys=["a", "b", "c", "d"])
    for value in provider.keys.values():
        mock.script(value, status=503)
    answer = gateway.http.post(CHAT, content=chat(provider.model()))
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (503, "4")
    assert [len(mock.requests(value)) for value in provider.keys.values()] == [1, 1, 1, 1]


@pytest.mark.parametrize("operation", ["completions", "embeddings", "moderations"])
def test_all_inference_may_be_sent_again(
    gateway: Gateway, mock: Mock, routing: Routing, operation: str
) -> None:
    provider, good = routing.provider(mock.url), routing.provider(mock.url)
    mock.script(provider.keys["main"], status=500)
    model = routing.alias(provider.model(), good.model())
    answer = gateway.http.post(f"/v1/{operation}", json={"model": model, "input": "a", "prompt": "a"})
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (200, "2")


@pytest.mark.kind("deadline_exceeded")
def test_one_deadline_covers_all_attempts(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = stand_still
    first, second = routing.provider(upstream.url), routing.provider(upstream.url)
    answer = gateway.http.post(
        CHAT,
        content=chat(routing.alias(first.model(), second.model())),
        headers={"x-gateway-timeout-ms": "300"},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert len(upstream.requests) == 1, "no time was left for the second lane"


def test_a_configured_deadline_ends_the_attempts_too(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.queue = [status(500, b"{}")]
    upstream.script = stand_still
    first = routing.provider(upstream.url, timeouts={"deadline": "400ms"})
    second = routing.provider(upstream.url)
    answer = gateway.http.post(CHAT, content=chat(routing.alias(first.model(), second.model())))
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")


def test_an_answer_that_is_whole_serves_after_all(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """The answer of the second lane comes by the connection that the first lane's 500 left behind."""
    answer = both_fail(gateway, routing, upstream, status(500, b"{}"), json_answer(ANSWER))
    assert (answer.status_code, answer.content) == (200, ANSWER)
