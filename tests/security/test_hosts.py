"""Where no credential is asked for, a web page is the attacker: Host and Origin in every form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.chat import ANSWER, CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway
from harness.routing import Routing
from harness.upstream import Upstream, json_answer
from harness.wire import Answer, Wire

Headers = list[tuple[str, str]]
PATHS = ["/v1/models", "/api/v1/keys", "/metrics", "/"]

REBOUND = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "localhost.",
    "127.0.0.1.",
    "localhost:80@evil.example",
    "localhost@evil.example",
    "evil.example@localhost",
    "localhost:evil",
    "localhost:80:80",
    "localhost:80.evil.example",
    "localhost/evil.example",
    "localhost#@evil.example",
    "localhost, evil.example",
    "[::1].evil.example",
    "[::1]evil.example",
    "[::1",
    "::1",
    "[::2]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::1%25lo]",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0.0.0.0",
    "*",
    "null",
]
OWN = ["localhost", "LocalHost:1", "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:8080", "localhost:"]


def ask(gateway: Gateway, path: str, headers: Headers, target: str | None = None) -> Answer:
    """Send exactly these headers, and no Host beside them."""
    lines = [f"GET {target or path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    with Wire(gateway.port) as wire:
        wire.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
        return wire.answer()


@pytest.mark.parametrize("path", PATHS)
def test_a_rebound_name_is_refused(gateway: Gateway, path: str) -> None:
    for host in REBOUND:
        answer = ask(gateway, path, [("Host", host)])
        assert answer.status in (400, 403), f"{host}: {answer.status}"
        assert b"sk-" not in answer.body


@pytest.mark.parametrize("path", PATHS)
def test_every_spelling_of_this_machine_is_served(gateway: Gateway, path: str) -> None:
    for host in OWN:
        assert ask(gateway, path, [("Host", host)]).status == 200, host


@pytest.mark.parametrize("path", PATHS)
def test_no_host_or_two_are_refused(gateway: Gateway, path: str) -> None:
    for headers in (
        [],
        [("Host", "localhost"), ("Host", "evil.example")],
        [("Host", "evil.example"), ("Host", "localhost")],
        [("Host", "localhost"), ("Host", "localhost")],
        [("Host", "")],
    ):
        assert ask(gateway, path, headers).status in (400, 403), headers


@pytest.mark.doors("native")
@pytest.mark.parametrize("path", PATHS)
def test_the_target_s_own_host_counts(gateway: Gateway, path: str) -> None:
    """The ASGI doors do not see it; a browser cannot send it, and a proxy in front must not either."""
    for host in ("evil.example", "localhost:80@evil.example"):
        answer = ask(gateway, path, [("Host", "localhost")], target=f"http://{host}{path}")
        assert answer.status in (400, 403), host
    own = f"http://127.0.0.1:{gateway.port}{path}"
    assert ask(gateway, path, [("Host", "127.0.0.1")], target=own).status == 200


@pytest.mark.parametrize("path", PATHS)
def test_what_a_proxy_would_say_is_not_believed(gateway: Gateway, path: str) -> None:
    claims = [
        ("X-Forwarded-Host", "localhost"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Real-IP", "127.0.0.1"),
        ("Forwarded", "for=127.0.0.1;host=localhost"),
        ("X-Original-URL", "/healthz"),
        ("X-Rewrite-URL", "/healthz"),
        ("X-HTTP-Method-Override", "GET"),
    ]
    assert ask(gateway, path, [("Host", "evil.example"), *claims]).status in (400, 403)


ORIGINS = [
    "null",
    "https://evil.example",
    "http://localhost",
    "http://localhost:1",
    "http://127.0.0.1",
    "http://[::1]",
    "file://",
    "file://127.0.0.1:{port}",
    "chrome-extension://127.0.0.1:{port}",
    "http://127.0.0.1:{port}.evil.example",
    "http://127.0.0.1:{port}@evil.example",
    "http://evil@127.0.0.1:{port}",
    "http://127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "http://127.0.0.1:{port} http://evil.example",
]


def test_a_page_of_another_origin_reaches_nothing(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.script = json_answer(ANSWER)
    model = routing.provider(upstream.url).model()
    for origin in ORIGINS:
        written = origin.format(port=gateway.port)
        with Wire(gateway.port) as wire:
            # What a form or a fetch without CORS can send: no preflight goes before it.
            wire.post(CHAT, chat(model), [("Origin", written)])
            answer = wire.answer()
        assert answer.status == 403, written
        assert answer.header("access-control-allow-origin") is None
        for method, path in (("POST", "/api/v1/keys"), ("GET", "/api/v1/keys"), ("DELETE", "/api/v1/keys/x")):
            refused = gateway.admin.request(method, path, headers={"origin": written})
            assert refused.status_code == 403, f"{method} {written}"
            assert "access-control-allow-origin" not in refused.headers
    assert upstream.requests == []


def test_two_origins_are_none(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = json_answer(ANSWER)
    model = routing.provider(upstream.url).model()
    own = f"http://127.0.0.1:{gateway.port}"
    for origins in ((own, "https://evil.example"), ("https://evil.example", own)):
        with Wire(gateway.port) as wire:
            wire.post(CHAT, chat(model), [("Origin", origin) for origin in origins])
            assert wire.answer().status == 403
        headers = [("origin", origin) for origin in origins]
        assert gateway.admin.get("/api/v1/keys", headers=headers).status_code == 403
    assert upstream.requests == []


def test_a_listed_connection_header_hides_no_origin(gateway: Gateway) -> None:
    headers = [("Host", f"127.0.0.1:{gateway.port}"), ("Origin", "https://evil.example")]
    lines = [f"{name}: {value}" for name, value in headers]
    with Wire(gateway.port) as wire:
        head = ["GET /api/v1/keys HTTP/1.1", *lines, "Connection: close, Origin, Host", "", ""]
        wire.write("\r\n".join(head).encode())
        assert wire.answer().status == 403


@pytest.fixture(scope="module")
def public(door: Door, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Path]]:
    """Bound to every address: credentials are asked for, whoever calls from where."""
    folder = tmp_path_factory.mktemp(f"public-{door}")
    environ = {"GATEWAY_KEY": "fgk_of-this-test-0123456789", "GATEWAY_ADMIN_TOKEN": "fga_of-this-test-012345"}
    with Gateway(folder, door, flags=["--host", "0.0.0.0", "--mock"], environ=environ) as gateway:
        yield gateway, folder


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "evil.example"])
def test_a_host_is_no_credential(public: tuple[Gateway, Path], host: str) -> None:
    """Neither this machine's names nor a claim to come from it opens what asks for a credential."""
    gateway, _ = public
    claims = [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Host", "localhost")]
    for path in ("/v1/models", "/api/v1/keys", "/metrics", "/docs", "/openapi.json"):
        answer = ask(gateway, path, [("Host", host), *claims])
        assert answer.status == 401, path
