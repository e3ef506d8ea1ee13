"""Who may call: gateway keys where they are asked for, Host and Origin where they are not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.chat import CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway
from harness.mock import Mock
from harness.routing import Routing
from harness.wire import Answer, Wire

KEY, TOKEN = "fgk_the-gateways-own-key-of-this-test-0001", "the-admin-token-of-this-test-0000000001"


def get(gateway: Gateway, path: str, *headers: tuple[str, str]) -> Answer:
    with Wire(gateway.port) as wire:
        wire.head("GET", path, headers)
        return wire.answer()


@pytest.mark.kind("host_forbidden")
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil:80", "[::2]:1", "10.0.0.1"]
)
def test_other_hosts_are_refused_for_inference(gateway: Gateway, host: str) -> None:
    answer = get(gateway, "/v1/models", ("Host", host))
    assert answer.status == 403
    assert b'"host_forbidden"' in answer.body
    assert b"server.allowed_hosts" in answer.body


@pytest.mark.parametrize("path", ["/api/v1/keys", "/docs", "/openapi.json", "/metrics"])
def test_other_hosts_are_refused_for_the_admin_api(gateway: Gateway, path: str) -> None:
    answer = get(gateway, path, ("Host", "evil.example"))
    assert (answer.status, b"host_forbidden" in answer.body) == (403, True)
    assert get(gateway, path, ("Host", "localhost:9")).status == 200


def test_a_forwarded_host_changes_nothing(gateway: Gateway) -> None:
    answer = get(gateway, "/api/v1/keys", ("Host", "evil.example"), ("X-Forwarded-Host", "localhost"))
    assert answer.status == 403
    answer = get(
        gateway, "/api/v1/keys", ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-For", "8.8.8.8")
    )
    assert answer.status == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:8080"])
def test_this_machines_own_names_are_answered(gateway: Gateway, host: str) -> None:
    assert get(gateway, "/v1/models", ("Host", host)).status == 200


@pytest.mark.kind("origin_forbidden")
@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:1", "null", "http://127.0.0.1"])
def test_other_origins_are_refused(gateway: Gateway, mock: Mock, routing: Routing, origin: str) -> None:
    provider = routing.provider(mock.url)
    answer = gateway.http.post(CHAT, content=chat(provider.model()), headers={"origin": origin})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_forbidden")
    assert "server.allowed_origins" in answer.json()["error"]["message"]
    assert mock.requests(provider.keys["main"]) == []
    admin = gateway.admin.post("/api/v1/keys", json={}, headers={"origin": origin})
    assert admin.status_code == 403


def test_the_gateways_own_origin_passes(gateway: Gateway) -> None:
    own = {"origin": f"http://127.0.0.1:{gateway.port}"}
    assert gateway.http.get("/v1/models", headers=own).status_code == 200
    assert gateway.admin.get("/api/v1/keys", headers=own).status_code == 200


def test_a_preflight_of_a_stranger_opens_nothing(gateway: Gateway) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    answer = gateway.http.options(CHAT, headers=headers)
    assert answer.status_code >= 400
    assert "access-control-allow-origin" not in answer.headers


@pytest.fixture(scope="module")
def guarded(door: Door, mock: Mock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that every network may reach, and that therefore asks for credentials."""
    config = {
        "providers": {"mock": {"base_url": mock.url}},
        "server": {"allowed_origins": ["https://app.example"]},
    }
    environ = {"GATEWAY_KEY": KEY, "GATEWAY_ADMIN_TOKEN": TOKEN}
    folder = tmp_path_factory.mktemp(f"guarded-{door}")
    flags = ["--host", "0.0.0.0"]
    with Gateway(folder, door, config=config, flags=flags, environ=environ, admin_token=TOKEN) as gateway:
        yield gateway


@pytest.mark.parametrize("name", ["authorization", "x-api-key", "x-goog-api-key", "api-key"])
def test_a_gateway_key_opens_by_each_header(guarded: Gateway, name: str) -> None:
    value = f"Bearer {KEY}" if name == "authorization" else KEY
    answer = guarded.http.post(CHAT, content=chat("mock/echo"), headers={name: value})
    assert answer.status_code == 200, answer.text
    row = guarded.row(answer.headers["x-gateway-request-id"])
    assert row["gateway_key"]
    assert row["tenant"] == row["gateway_key"], "a key's own id unless it names a tenant"


@pytest.mark.kind("gateway_key_invalid")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer fgk_wrong"},
        {"authorization": f"Bearer {TOKEN}"},
        {"x-api-key": KEY[:-1]},
        {"authorization": f"Basic {KEY}"},
    ],
)
def test_anything_else_does_not(guarded: Gateway, headers: dict[str, str]) -> None:
    answer = guarded.http.post(CHAT, content=chat("mock/echo"), headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    error = answer.json()["error"]
    assert (error["code"], error["type"]) == ("gateway_key_invalid", "authentication_error")
    assert "gateway-keys add" in error["message"] or "gateway key" in error["message"]


@pytest.mark.kind("gateway_key_invalid")
@pytest.mark.parametrize("value", ["sk-proj-abcdefghijkl", "gsk_abcdefghijkl", "AIzaSyAbcdefgh"])
def test_a_providers_own_key_gets_a_hint_and_is_not_repeated(guarded: Gateway, value: str) -> None:
    answer = guarded.http.post(CHAT, content=chat("mock/echo"), headers={"authorization": f"Bearer {value}"})
    message = answer.json()["error"]["message"]
    assert answer.status_code == 401
    assert "provider's key" in message
    assert value not in answer.text


def test_the_gateways_key_is_not_passed_on(guarded: Gateway, mock: Mock) -> None:
    secret = guarded.call("POST", "gateway-keys", name="passed-on", tenant="team-a")["secret"]
    headers = {"authorization": f"Bearer {secret}", "x-mock-usage": "1,1"}
    answer = guarded.http.post(CHAT, content=chat("mock/echo"), headers=headers)
    assert answer.status_code == 200, "a fresh gateway key serves the next request"
    assert guarded.row(answer.headers["x-gateway-request-id"])["tenant"] == "team-a"
    assert mock.requests(secret) == []


def test_a_removed_gateway_key_closes_at_once(guarded: Gateway) -> None:
    made = guarded.call("POST", "gateway-keys", name="short-lived")
    headers = {"x-api-key": made["secret"]}
    assert guarded.http.post(CHAT, content=chat("mock/echo"), headers=headers).status_code == 200
    guarded.call("DELETE", f"gateway-keys/{made['id']}")
    assert guarded.http.post(CHAT, content=chat("mock/echo"), headers=headers).status_code == 401


def test_host_and_origin_are_no_barrier_where_keys_are(guarded: Gateway) -> None:
    with Wire(guarded.port) as wire:
        named = [("Host", "llm.example.com"), ("Origin", "https://elsewhere.example"), ("x-api-key", KEY)]
        wire.post(CHAT, chat("mock/echo"), named)
        assert wire.answer().status == 200


def test_cors_is_for_the_allowed_origins_alone(guarded: Gateway) -> None:
    headers = {
        "origin": "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
    }
    preflight = guarded.http.options(CHAT, headers=headers)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    answer = guarded.http.post(
        CHAT, content=chat("mock/echo"), headers={"origin": "https://app.example", "x-api-key": KEY}
    )
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    other = guarded.http.post(
        CHAT, content=chat("mock/echo"), headers={"origin": "https://other.example", "x-api-key": KEY}
    )
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_open(guarded: Gateway, path: str) -> None:
    answer = guarded.http.get(path)
    assert answer.status_code == 200
    assert TOKEN not in answer.text


@pytest.mark.parametrize(
    "path", ["/api/v1/keys", "/api/v1/logs", "/api/v1/lanes", "/metrics", "/openapi.json"]
)
def test_the_admin_api_opens_by_its_token_alone(guarded: Gateway, path: str) -> None:
    assert guarded.http.get(path).status_code == 401
    assert guarded.http.get(path, headers={"authorization": f"Bearer {KEY}"}).status_code == 401
    assert guarded.admin.get(path).status_code == 200


def test_a_first_start_prints_its_credentials_once(folder: Path, door: Door) -> None:
    flags = ["--host", "0.0.0.0", "--mock"]
    with Gateway(folder, door, flags=flags) as first:
        token = re.search(r"^admin token: (\S+)$", first.stdout, re.MULTILINE)
        key = re.search(r"^gateway key: (\S+)$", first.stdout, re.MULTILINE)
        assert token, first.stdout
        assert key, first.stdout
        headers = {"authorization": f"Bearer {key[1]}"}
        assert first.http.post(CHAT, content=chat("mock/echo"), headers=headers).status_code == 200
    with Gateway(folder, door, flags=flags) as second:
        assert "token" not in second.stdout
        assert "key:" not in second.stdout
        assert second.http.post(CHAT, content=chat("mock/echo"), headers=headers).status_code == 200
        for file in second.data.rglob("*"):
            if file.is_file():
                content = file.read_bytes()
                assert token[1].encode() not in content, file
                assert key[1].encode() not in content, file
