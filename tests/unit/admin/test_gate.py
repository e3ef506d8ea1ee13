from __future__ import annotations

import base64
from typing import Any

import pytest

EVERY_ROUTE = [
    "/docs", "/openapi.json", "/metrics", "/api/v1/keys", "/api/v1/gateway-keys", "/api/v1/providers",
    "/api/v1/models", "/api/v1/lanes", "/api/v1/logs", "/api/v1/stats", "/api/v1/config", "/api/v1/status",
    "/nothing",
]  # fmt: skip
OPEN = ["/", "/assets/app.css", "/assets/app.js", "/assets/docs.js", "/healthz", "/readyz"]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", EVERY_ROUTE)
def test_every_route_asks_for_the_token(make: Any, path: str) -> None:
    control = make(auth_required=True, run_secret="run-secret")
    token = control.services.credentials.ensure().admin_token
    for headers, code in (({}, "admin_token_missing"), (bearer("wrong"), "admin_token_invalid")):
        answer = control.client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "www-authenticate" in answer.headers
    expected = 404 if path == "/nothing" else 200
    assert control.client.get(path, headers=bearer(token)).status_code == expected
    assert control.client.get(path, headers=bearer("run-secret")).status_code == expected


@pytest.mark.parametrize("path", OPEN)
def test_the_page_and_the_probes_are_open(make: Any, path: str) -> None:
    assert make(auth_required=True).client.get(path, headers={"host": "10.1.2.3:8080"}).status_code == 200


def test_a_gateway_key_never_opens_the_admin_api(make: Any) -> None:
    control = make(auth_required=True)
    made = control.services.credentials.ensure()
    answer = control.client.get("/api/v1/keys", headers=bearer(made.gateway_key))
    assert answer.status_code == 401
    assert "gateway key" in answer.json()["detail"]
    assert made.gateway_key not in answer.text


def test_without_any_token_nothing_opens(make: Any) -> None:
    client = make(auth_required=True).client
    for headers in ({}, bearer(""), bearer("None"), {"authorization": "Basic Og=="}):
        assert client.get("/api/v1/keys", headers=headers).status_code == 401


def test_the_environment_s_token(make: Any) -> None:
    client = make({"GATEWAY_ADMIN_TOKEN": "given"}, auth_required=True).client
    assert client.get("/api/v1/keys", headers=bearer("given")).status_code == 200


def test_basic_opens_what_is_browsed_and_only_that(make: Any) -> None:
    control = make({"GATEWAY_ADMIN_TOKEN": "given"}, auth_required=True)
    basic = {"authorization": "Basic " + base64.b64encode(b"anyone:given").decode()}
    assert control.client.get("/docs").headers["www-authenticate"].startswith("Basic")
    for path in ("/docs", "/openapi.json", "/metrics"):
        assert control.client.get(path, headers=basic).status_code == 200
        assert control.client.get(path, headers={"authorization": "Basic !!"}).status_code == 401
    assert control.client.get("/api/v1/keys", headers=basic).status_code == 401
    assert control.client.post("/api/v1/keys", headers=basic, json={}).status_code == 401


def test_the_configuration_can_ask_for_credentials_too(make: Any) -> None:
    control = make(text="server: {auth: required}\n")
    assert control.client.get("/api/v1/keys").json()["code"] == "admin_token_missing"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "gw.internal:8080"]
)
def test_hosts_that_are_answered(make: Any, host: str) -> None:
    client = make(text="server: {allowed_hosts: [gw.internal]}\n").client
    assert client.get("/api/v1/keys", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1].evil", "localhost@evil"],
)
def test_other_hosts_are_refused_with_the_setting(control: Any, host: str) -> None:
    for path in ("/", "/docs", "/api/v1/keys", "/metrics"):
        answer = control.client.get(path, headers={"host": host})
        assert (answer.status_code, answer.json()["code"]) == (403, "host_forbidden")
        assert "server.allowed_hosts" in answer.json()["detail"]
    assert control.client.get("/healthz", headers={"host": host}).status_code == 200


def test_two_hosts_are_refused(control: Any) -> None:
    answer = control.client.get("/api/v1/keys", headers=[("host", "localhost"), ("host", "evil.example")])
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost:3000", "http://localhost", "http://127.0.0.1:8080"],
)
def test_other_origins_are_refused_with_the_setting(control: Any, origin: str) -> None:
    body = {"provider": "groq", "value": "gsk_0123456789abcdefghij"}
    answer = control.client.post("/api/v1/keys", json=body, headers={"origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_forbidden")
    assert "server.allowed_origins" in answer.json()["detail"]
    assert "access-control-allow-origin" not in answer.headers
    assert control.services.keys.list("groq") == []


def test_the_gateway_s_own_origin_passes(control: Any) -> None:
    for origin in ("http://localhost:8080", "https://localhost:8080", "HTTP://LOCALHOST:8080"):
        assert control.client.get("/api/v1/keys", headers={"origin": origin}).status_code == 200


def test_allowed_origins_get_cors_and_others_do_not(make: Any) -> None:
    control = make(text='server: {allowed_origins: ["https://app.example"]}\n')
    headers = {"origin": "https://app.example"}
    answer = control.client.get("/api/v1/keys", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "Origin" in answer.headers["vary"]
    asked = {**headers, "access-control-request-method": "POST"}
    preflight = control.client.options("/api/v1/keys", headers=asked)
    assert preflight.status_code == 204
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    asked["origin"] = "https://evil.example"
    assert control.client.options("/api/v1/keys", headers=asked).status_code == 403


def test_a_change_of_the_allowed_hosts_is_in_force_at_once(control: Any) -> None:
    headers = {"host": "gw.internal"}
    assert control.client.get("/api/v1/keys", headers=headers).status_code == 403
    changed = control.client.patch("/api/v1/config", json={"server": {"allowed_hosts": ["gw.internal"]}})
    assert changed.status_code == 200
    assert control.client.get("/api/v1/keys", headers=headers).status_code == 200


def test_hosts_given_by_the_caller_replace_the_configured(make: Any) -> None:
    control = make(text="server: {allowed_hosts: [a.internal]}\n", allowed_hosts=["b.internal"])
    assert control.client.get("/api/v1/keys", headers={"host": "a.internal"}).status_code == 403
    assert control.client.get("/api/v1/keys", headers={"host": "b.internal"}).status_code == 200


def test_answers_carry_the_security_headers(control: Any) -> None:
    for path in ("/", "/docs", "/api/v1/keys", "/nothing"):
        headers = control.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
    assert control.client.get("/api/v1/keys").headers["cache-control"] == "no-store"


def test_mounted_below_a_prefix_it_guards_the_same_paths(make: Any) -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    control = make(auth_required=True, run_secret="run-secret")
    outer = FastAPI()
    outer.mount("/llm", control.app)
    with TestClient(outer) as client:
        assert client.get("/llm/healthz").status_code == 200
        assert client.get("/llm/").status_code == 200
        assert client.get("/llm/api/v1/keys").status_code == 401
        assert client.get("/llm/api/v1/keys", headers=bearer("run-secret")).status_code == 200
