"""Which headers pass, up and down, and what the gateway says of itself."""

from __future__ import annotations

import pytest

from harness.chat import ANSWER, CHAT, DONE, FINISH, chat, delta
from harness.gateway import Gateway
from harness.mock import Mock
from harness.routing import Routing
from harness.upstream import Request, Upstream, json_answer, sse
from harness.wire import Wire


def send(gateway: Gateway, model: str, *headers: tuple[str, str]) -> None:
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(model), headers)
        assert wire.answer().status == 200


@pytest.fixture
def received(gateway: Gateway, routing: Routing, upstream: Upstream) -> Request:
    """A request that carried one header of every sort."""
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url, headers={"x-own": "gateway", "x-team": "of the provider"})
    send(
        gateway,
        provider.model(),
        ("Authorization", "Bearer client"),
        ("x-api-key", "client"),
        ("api-key", "client"),
        ("x-goog-api-key", "client"),
        ("Cookie", "a=b"),
        ("Connection", "keep-alive, X-Listed"),
        ("X-Listed", "1"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Proxy-Authorization", "Basic eA=="),
        ("Forwarded", "for=10.0.0.1"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Host", "evil.example"),
        ("x-gateway-tags", "a=b"),
        ("x-gateway-unknown", "1"),
        ("OpenAI-Organization", "org"),
        ("anthropic-version", "2023-06-01"),
        ("x-mock-status", "500"),
        ("Accept-Encoding", "gzip, br"),
        ("User-Agent", "OpenAI/Python 2.0"),
        ("x-stainless-lang", "python"),
        ("X-Twice", "1"),
        ("X-Twice", "2"),
        ("X-Team", "of the client"),
        ("Idempotency-Key", "k-1"),
        ("x-request-id", "mine"),
    )
    return upstream.requests[0]


@pytest.mark.parametrize(
    "name",
    [
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "cookie",
        "x-listed",
        "keep-alive",
        "te",
        "proxy-authorization",
    ],
)
def test_credentials_cookies_and_hop_by_hop_headers_stay_here(received: Request, name: str) -> None:
    assert received.header(name) is None


@pytest.mark.parametrize(
    "name", ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-gateway-tags", "x-gateway-unknown"]
)
def test_what_is_the_gateways_or_a_proxys_stays_here(received: Request, name: str) -> None:
    assert received.header(name) is None


@pytest.mark.parametrize("name", ["openai-organization", "anthropic-version", "x-mock-status"])
def test_one_providers_headers_do_not_reach_another(received: Request, name: str) -> None:
    assert received.header(name) is None


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("user-agent", ["OpenAI/Python 2.0"]),
        ("x-stainless-lang", ["python"]),
        ("x-twice", ["1", "2"]),
        ("idempotency-key", ["k-1"]),
        ("content-type", ["application/json"]),
        ("accept-encoding", ["identity"]),
        ("x-own", ["gateway"]),
        ("x-team", ["of the provider"]),
    ],
)
def test_all_else_passes_and_the_providers_own_win(received: Request, name: str, values: list[str]) -> None:
    assert received.all(name) == values


def test_bytes_of_a_header_pass_as_they_are(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    send(gateway, provider.model(), ("X-Custom", "caf\xe9 \xff"))
    assert upstream.requests[0].header("x-custom") == "caf\xe9 \xff"


def test_host_and_credential_are_the_providers(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    send(gateway, provider.model(), ("Authorization", "Bearer client"))
    request = upstream.requests[0]
    assert request.all("host") == [f"127.0.0.1:{upstream.port}"]
    assert request.all("authorization") == [f"Bearer {provider.keys['main']}"]
    assert len(request.all("content-length")) == 1


def test_an_empty_key_sends_no_credential(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url, keys=[])
    send(gateway, provider.model(), ("Authorization", "Bearer client"))
    assert upstream.requests[0].all("authorization") == []


@pytest.mark.parametrize(
    ("kind", "name"), [("openai", "openai-organization"), ("azure", "openai-beta"), ("mock", "x-mock-usage")]
)
def test_a_family_of_headers_reaches_its_own_provider(
    gateway: Gateway, routing: Routing, upstream: Upstream, kind: str, name: str
) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url, kind=kind)
    send(gateway, provider.model(), (name, "1,2"))
    assert upstream.requests[0].header(name) == "1,2"


def test_azure_sends_its_key_in_its_own_header_and_path(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(
        upstream.url, kind="azure", options={"api_version": "2024-10-21", "api": "deployments"}
    )
    send(gateway, provider.model("my gpt"), ("api-key", "client"))
    request = upstream.requests[0]
    assert request.all("api-key") == [provider.keys["main"]]
    assert request.all("authorization") == []
    assert "/deployments/my%20gpt/chat/completions?api-version=2024-10-21" in request.target


@pytest.fixture
def answered(gateway: Gateway, routing: Routing, upstream: Upstream) -> dict[str, list[str]]:
    """The headers of an answer to which the provider had added one of every sort."""
    sent = [
        ("set-cookie", "a=b"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-authenticate", "Basic"),
        ("x-gateway-request-id", "forged"),
        ("x-gateway-anything", "forged"),
        ("x-request-id", "req_1"),
        ("openai-processing-ms", "12"),
        ("x-ratelimit-remaining-requests", "99"),
        ("x-twice", "1"),
        ("x-twice", "2"),
        ("content-type", "application/json; charset=utf-8"),
    ]
    upstream.script = json_answer(ANSWER, sent)
    provider = routing.provider(upstream.url)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(provider.model()))
        answer = wire.answer()
    found: dict[str, list[str]] = {"provider": [provider.name]}
    for name, value in answer.headers:
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize(
    "name", ["set-cookie", "x-hop", "keep-alive", "proxy-authenticate", "x-gateway-anything"]
)
def test_what_is_not_the_clients_does_not_come_down(answered: dict[str, list[str]], name: str) -> None:
    assert name not in answered


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("x-request-id", ["req_1"]),
        ("openai-processing-ms", ["12"]),
        ("x-ratelimit-remaining-requests", ["99"]),
        ("x-twice", ["1", "2"]),
        ("content-type", ["application/json; charset=utf-8"]),
    ],
)
def test_what_the_provider_says_comes_down(
    answered: dict[str, list[str]], name: str, values: list[str]
) -> None:
    assert answered[name] == values


def test_the_gateway_says_what_it_did(answered: dict[str, list[str]]) -> None:
    (request_id,) = answered["x-gateway-request-id"]
    assert len(request_id) == 26
    assert answered["x-gateway-provider"] == answered["provider"]
    assert answered["x-gateway-model"] == ["m"]
    assert answered["x-gateway-key"] == ["main"]
    assert answered["x-gateway-attempts"] == ["1"]
    assert answered["x-gateway-cache"] == ["off"]
    assert int(answered["x-gateway-overhead-us"][0]) > 0
    assert len(answered["content-length"]) == len(answered["date"]) == 1


def test_request_ids_are_distinct_and_ordered_in_time(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    answers = [gateway.http.post(CHAT, content=chat(provider.model())) for _ in range(3)]
    ids = [answer.headers["x-gateway-request-id"] for answer in answers]
    assert len(set(ids)) == 3
    assert [request_id[:10] for request_id in ids] == sorted(request_id[:10] for request_id in ids)


def test_a_stream_carries_them_too(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = sse(delta("a"), FINISH, DONE, headers=[("x-request-id", "req_2")])
    provider = routing.provider(upstream.url)
    answer = gateway.http.post(CHAT, content=chat(provider.model(), stream=True))
    assert answer.headers["x-request-id"] == "req_2"
    assert answer.headers["x-gateway-provider"] == provider.name
    assert answer.headers["x-gateway-attempts"] == "1"


def test_the_set_of_gateway_headers_is_known(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    answer = gateway.http.post(CHAT, content=chat(provider.model()))
    named = {name for name in answer.headers if name.startswith("x-gateway-")}
    assert named == {
        "x-gateway-request-id",
        "x-gateway-provider",
        "x-gateway-model",
        "x-gateway-key",
        "x-gateway-attempts",
        "x-gateway-cache",
        "x-gateway-overhead-us",
    }
