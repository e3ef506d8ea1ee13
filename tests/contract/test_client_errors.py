"""What the client did wrong: a status, a stable code, and a sentence that helps."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from harness.chat import ANSWER, CHAT, chat
from harness.gateway import Gateway
from harness.mock import Mock
from harness.routing import Routing
from harness.upstream import Upstream, json_answer
from harness.wire import Wire

JSON = {"content-type": "application/json"}


def assert_error(answer: httpx.Response, status: int, code: str, kind: str, param: str | None = None) -> str:
    """The dialect's shape, exactly; returns the message."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.headers["x-gateway-request-id"]) == 26
    document = answer.json()
    assert set(document) == {"error"}
    error: dict[str, Any] = document["error"]
    assert set(error) == {"message", "type", "code", "param"}
    assert (error["code"], error["type"], error["param"]) == (code, kind, param)
    return str(error["message"])


NOT_JSON = {
    "nothing": b"",
    "text": b"hello",
    "torn": b'{"model":"m","messages":[',
    "two documents": b'{"model":"m"}{"model":"m"}',
    "NaN": b'{"model":"m","x":NaN}',
    "Infinity": b'{"model":"m","x":-Infinity}',
    "single quotes": b"{'model':'m'}",
    "a trailing comma": b'{"model":"m",}',
    "a comment": b'{"model":"m"/**/}',
    "leading zeros": b'{"model":"m","x":01}',
    "a bare point": b'{"model":"m","x":1.}',
    "a control character": b'{"model":"m","x":"\x01"}',
    "a bad escape": b'{"model":"m","x":"\\x41"}',
    "half an escape": b'{"model":"m","x":"\\u12"}',
    "not UTF-8": b'{"model":"m","x":"\xff"}',
    "an encoded surrogate": b'{"model":"m","x":"\xed\xa0\x80"}',
    "overlong UTF-8": b'{"model":"m","x":"\xc0\xaf"}',
    "a byte order mark": b'\xef\xbb\xbf{"model":"m"}',
    "too deep": b'{"model":"m","x":' + b"[" * 128 + b"]" * 128 + b"}",
}


@pytest.mark.kind("invalid_json")
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_not_json_is_refused(gateway: Gateway, body: bytes) -> None:
    assert_error(
        gateway.http.post(CHAT, content=body, headers=JSON), 400, "invalid_json", "invalid_request_error"
    )


def test_what_is_just_deep_enough_passes(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = json_answer(ANSWER)
    body = b'{"model":"%b","x":%b}' % (
        routing.provider(upstream.url).model().encode(),
        b"[" * 127 + b"]" * 127,
    )
    assert gateway.http.post(CHAT, content=body, headers=JSON).status_code == 200


WRONG_FORM = {
    "an array": (b"[1]", None),
    "a text": (b'"x"', None),
    "a number": (b"1", None),
    "two models": (b'{"model":"a","model":"a"}', "model"),
    "two models, one escaped": (b'{"model":"a","\\u006dodel":"b"}', "model"),
    "two streams": (b'{"model":"a","stream":true,"stream":true}', "stream"),
    "a stream that is a text": (b'{"model":"a","stream":"true"}', "stream"),
    "a stream that is a number": (b'{"model":"a","stream":1}', "stream"),
}


@pytest.mark.kind("invalid_request")
@pytest.mark.parametrize(("body", "param"), WRONG_FORM.values(), ids=WRONG_FORM.keys())
def test_json_of_the_wrong_form_is_refused(gateway: Gateway, body: bytes, param: str | None) -> None:
    answer = gateway.http.post(CHAT, content=body, headers=JSON)
    assert_error(answer, 400, "invalid_request", "invalid_request_error", param)


@pytest.mark.kind("invalid_request")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-gateway-timeout-ms", "soon"),
        ("x-gateway-timeout-ms", "0"),
        ("x-gateway-timeout-ms", "-5"),
        ("x-gateway-timeout-ms", "1.5"),
        ("x-gateway-tags", "team"),
        ("x-gateway-provider", "x" * 513),
        ("x-request-id", "x" * 513),
    ],
)
def test_a_gateway_header_that_cannot_be_read_is_named(gateway: Gateway, name: str, value: str) -> None:
    answer = gateway.http.post(CHAT, content=chat("m"), headers={**JSON, name: value})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_request"
    assert name in answer.json()["error"]["message"]


@pytest.mark.kind("model_missing")
@pytest.mark.parametrize(
    "model", [b"", b'"model":null', b'"model":""', b'"model":7', b'"model":["m"]', b'"model":{}']
)
def test_a_request_without_a_model_is_refused(gateway: Gateway, model: bytes) -> None:
    answer = gateway.http.post(CHAT, content=b"{%b}" % model, headers=JSON)
    message = assert_error(answer, 400, "model_missing", "invalid_request_error", "model")
    assert "model" in message


@pytest.mark.kind("provider_not_found")
def test_a_pin_to_an_unknown_provider_names_the_nearest(
    gateway: Gateway, mock: Mock, routing: Routing
) -> None:
    near = routing.provider(mock.url).name
    answer = gateway.http.post(CHAT, content=chat("m"), headers={**JSON, "x-gateway-provider": near + "x"})
    message = assert_error(answer, 404, "provider_not_found", "invalid_request_error", "model")
    assert near in message


@pytest.mark.kind("provider_key_missing")
@pytest.mark.parametrize("model", ["openai/gpt-4o", "gpt-4o", "groq/llama"])
def test_a_provider_without_a_key_says_how_to_add_one(gateway: Gateway, model: str) -> None:
    answer = gateway.http.post(CHAT, content=chat(model), headers=JSON)
    message = assert_error(answer, 401, "provider_key_missing", "authentication_error")
    provider = "groq" if "groq" in model else "openai"
    assert provider in message
    assert "gateway keys add" in message
    assert f"{provider.upper()}_API_KEY" in message


@pytest.mark.kind("provider_key_missing")
def test_a_model_that_no_key_may_serve_says_so(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url, keys=[{"name": "main", "models": ["other", "gpt-4*"]}])
    answer = gateway.http.post(CHAT, content=chat(provider.model("wanted")), headers=JSON)
    message = assert_error(answer, 401, "provider_key_missing", "authentication_error")
    assert "wanted" in message
    assert (
        gateway.http.post(CHAT, content=chat(provider.model("gpt-4o-mini")), headers=JSON).status_code == 200
    )


@pytest.mark.kind("key_not_found")
def test_a_pin_to_an_unknown_key_is_refused(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    answer = gateway.http.post(
        CHAT, content=chat(provider.model()), headers={**JSON, "x-gateway-key": "nope"}
    )
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "key_not_found"
    assert "x-gateway-key" in answer.json()["error"]["message"] + str(answer.json()["error"]["param"])


@pytest.mark.kind("route_not_found")
@pytest.mark.parametrize("path", ["/v1", "/v1/", "/openai", "/openai/v1", "/openai/v1/", "/litellm"])
def test_a_base_url_alone_is_no_route(gateway: Gateway, path: str) -> None:
    answer = gateway.http.post(path, content=chat("m"), headers=JSON)
    assert_error(answer, 404, "route_not_found", "invalid_request_error")


@pytest.mark.kind("route_not_found")
@pytest.mark.compiled
@pytest.mark.parametrize("path", ["/v1/../admin", "/v1/files/%2e%2E/secret", "/v1/./x"])
def test_no_path_leads_out_of_the_providers_tree(gateway: Gateway, path: str) -> None:
    with Wire(gateway.port) as wire:
        wire.head("GET", path)
        answer = wire.answer()
    assert answer.status == 404
    assert b'"route_not_found"' in answer.body


@pytest.mark.kind("not_supported")
@pytest.mark.parametrize(
    "path",
    [
        "/anthropic/v1/messages",
        "/genai/v1beta/models/x:generateContent",
        "/cohere/v2/chat",
        "/bedrock/model/x/converse",
    ],
)
def test_other_dialects_are_501_and_say_so(gateway: Gateway, path: str) -> None:
    answer = gateway.http.post(path, content=chat("m"), headers=JSON)
    message = assert_error(answer, 501, "not_supported", "gateway_error")
    assert "dialect" in message.lower()


def test_errors_carry_no_secret(gateway: Gateway, routing: Routing) -> None:
    """A connection that fails is described without the provider's key or address."""
    provider = routing.provider("http://127.0.0.1:1/v1")
    answer = gateway.http.post(
        CHAT, content=chat(provider.model()), headers={**JSON, "authorization": "Bearer mine"}
    )
    assert answer.status_code == 502
    assert provider.keys["main"] not in answer.text
    assert "127.0.0.1" not in answer.text
