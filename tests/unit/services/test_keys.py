from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ferrogate.engine.snapshot import KeyAuth, Provider
from ferrogate.errors import ConfigError, ConflictError, NotFoundError
from ferrogate.services.key_test import try_key

KEY = "sk-abcdefghijklmnopqrst"
FILE = "providers: {openai: {keys: [{name: filed, value: sk-from-the-file-0123456789}]}}\n"


def test_a_value_is_never_shown(gateway: Any) -> None:
    view = gateway.services.keys.create("openai", KEY)
    assert view.value == "sk-...qrst"
    assert view.id.startswith("key_")
    assert KEY not in repr(gateway.services.keys.list())
    assert KEY not in repr(gateway.services.keys.get(view.id))


def test_names_are_given_in_turn(gateway: Any) -> None:
    names = [gateway.services.keys.create("openai", KEY).name for _ in range(3)]
    assert names == ["main", "main-2", "main-3"]
    assert gateway.services.keys.create("groq", KEY).name == "main"


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"provider": "opena1", "value": KEY}, "did you mean openai"),
        ({"provider": "nothing-like-it", "value": KEY}, "known are"),
        ({"provider": "openai", "value": ""}, "empty"),
        ({"provider": "openai", "value": "   "}, "empty"),
        ({"provider": "openai", "value": "env.OPENAI_API_KEY"}, "gateway.yaml"),
        ({"provider": "openai", "value": "file:/run/secrets/key"}, "gateway.yaml"),
        ({"provider": "openai", "value": "sk-a\nb"}, "line break"),
        ({"provider": "openai", "value": "sk-ä"}, "header"),
        ({"provider": "openai", "value": KEY, "name": "a/b"}, "key name"),
        ({"provider": "openai", "value": KEY, "weight": -1.0}, "weight"),
        ({"provider": "openai", "value": KEY, "weight": float("nan")}, "weight"),
        ({"provider": "openai", "value": KEY, "models": []}, "models"),
    ],
)
def test_impossible_keys_are_refused_without_quoting_them(
    gateway: Any, given: dict[str, Any], word: str
) -> None:
    with pytest.raises(ConfigError, match=word) as caught:
        gateway.services.keys.create(**given)
    assert KEY not in str(caught.value)
    assert gateway.services.keys.list() == []
    assert gateway.engine.applied == []


def test_a_local_server_needs_no_value(gateway: Any) -> None:
    assert gateway.services.keys.create("ollama", "").value == ""


def test_a_taken_name_is_a_conflict(make: Any) -> None:
    gateway = make(FILE)
    gateway.services.keys.create("openai", KEY, "main")
    with pytest.raises(ConflictError, match="main"):
        gateway.services.keys.create("openai", KEY, "main")
    with pytest.raises(ConflictError, match=r"gateway\.yaml"):
        gateway.services.keys.create("openai", KEY, "filed")


@pytest.mark.parametrize("source", ["file", "env"])
def test_keys_of_file_and_environment_are_shown_and_not_changed(make: Any, source: str) -> None:
    gateway = make(FILE) if source == "file" else make("", {"OPENAI_API_KEY": "sk-from-the-environment"})
    (view,) = gateway.services.keys.list()
    place = "gateway.yaml" if source == "file" else "OPENAI_API_KEY"
    assert (view.source, view.in_force) == (source, True)
    assert place in view.origin
    assert gateway.services.keys.get(view.id) == view
    with pytest.raises(ConflictError, match=place):
        gateway.services.keys.change(view.id, {"weight": 2.0})
    with pytest.raises(ConflictError, match=place):
        gateway.services.keys.delete(view.id)


def test_a_stored_key_takes_the_place_of_the_environment_s(make: Any) -> None:
    gateway = make("", {"OPENAI_API_KEY": "sk-from-the-environment"})
    key = gateway.services.keys.create("openai", KEY)
    assert [(view.source, view.in_force) for view in gateway.services.keys.list()] == [
        ("store", True), ("env", False),
    ]  # fmt: skip
    gateway.services.keys.delete(key.id)
    assert [(view.source, view.in_force) for view in gateway.services.keys.list()] == [("env", True)]


def test_a_change_touches_what_it_names(gateway: Any) -> None:
    key = gateway.services.keys.create("openai", KEY, weight=0.5)
    changed = gateway.services.keys.change(key.id, {"enabled": False, "models": ["gpt-4o"]})
    assert (changed.enabled, changed.models, changed.weight, changed.value) == (
        False, ("gpt-4o",), 0.5, key.value,
    )  # fmt: skip
    changed = gateway.services.keys.change(key.id, {"value": "sk-another-one-987654321", "name": "renamed"})
    assert (changed.value, changed.name) == ("sk-...4321", "renamed")
    assert gateway.keys_in_engine("openai") == {"renamed": "sk-another-one-987654321"}
    for wrong in ({"provider": "groq"}, {"weight": -2.0}, {"models": [""]}, {"value": ""}):
        with pytest.raises(ConfigError):
            gateway.services.keys.change(key.id, wrong)
    assert gateway.services.keys.get(key.id) == changed


def test_a_key_that_is_not_there(gateway: Any) -> None:
    for call in (
        gateway.services.keys.get, gateway.services.keys.delete, gateway.services.keys.test,
    ):  # fmt: skip
        with pytest.raises(NotFoundError, match="key_none"):
            call("key_none")


def test_a_key_of_a_provider_without_an_address_waits(gateway: Any) -> None:
    key = gateway.services.keys.create("azure", KEY)
    assert key.in_force is False
    assert gateway.services.keys.test(key.id).ok is False
    gateway.services.providers.change("azure", {"base_url": "https://me.openai.azure.com"})
    assert gateway.services.keys.get(key.id).in_force is True


SAID = {
    "sk-quota-429": b'{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}',
    "sk-detail-429": b'{"detail":{"error":"text","code":"insufficient_quota"}}',
    "sk-limited-429": b'{"object":"error","message":"m","type":"rate_limit_error"}',
    "sk-gemini-400": b'[{"error":{"status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]',
}
"""Errors in the shapes of several providers."""


class Answers(BaseHTTPRequestHandler):
    """A provider whose key says what it answers."""

    seen: list[dict[str, str]]

    def do_GET(self) -> None:
        self.server.seen.append({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})  # type: ignore[attr-defined]
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        status = int(key.rpartition("-")[2]) if key.rpartition("-")[2].isdigit() else 200
        body = json.dumps({"data": [{"id": "a"}, {"id": "b"}], "echo": key}).encode()
        if key == "sk-page":
            body = b"<html>hello</html>"
        body = SAID.get(key, body)
        self.send_response(status)
        if status == 302:
            self.send_header("location", "http://127.0.0.1:1/elsewhere")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    found = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    found.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


def provider(port: int, host: str = "127.0.0.1", **given: Any) -> Provider:
    return Provider(
        **{
            "name": "acme", "kind": "openai-compatible", "dialect": "openai",
            "base_url": f"http://{host}:{port}/v1", "auth": KeyAuth(header="authorization", prefix="Bearer "),
            "templates": {"*": "/{path}"}, **given,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "ok", "status", "word"),
    [
        ("sk-good", True, 200, "2 models"),
        ("sk-401", False, 401, "refused"),
        ("sk-402", False, 402, "no credit or quota"),
        ("sk-quota-429", False, 429, "no credit or quota"),
        ("sk-detail-429", False, 429, "no credit or quota"),
        ("sk-limited-429", False, 429, "limiting this key"),
        ("sk-gemini-400", False, 400, "refused"),
        ("sk-403", False, 403, "refused"),
        ("sk-404", False, 404, "base_url"),
        ("sk-429", False, 429, "limiting"),
        ("sk-500", False, 500, "500"),
        ("sk-302", False, 302, "redirect"),
        ("sk-page", False, 200, "not with a list"),
    ],
)
def test_a_real_call_says_how_it_went(
    server: ThreadingHTTPServer, key: str, ok: bool, status: int, word: str
) -> None:
    found = try_key(provider(server.server_port), key)
    assert (found.ok, found.status) == (ok, status)
    assert word in found.message
    assert key not in repr(found)
    assert found.latency_ms is not None
    assert found.latency_ms > 0
    assert len(server.seen) == 1  # type: ignore[attr-defined]


def test_the_call_is_the_one_that_the_engine_would_make(server: ThreadingHTTPServer) -> None:
    azure = provider(
        server.server_port, host="localhost", base_url=f"http://localhost:{server.server_port}",
        auth=KeyAuth(header="api-key", prefix=""), templates={"*": "/openai/{path}"},
        query="api-version=2024-10-21", headers={"x-org": "me"},
    )  # fmt: skip
    assert try_key(azure, "plain").ok
    (seen,) = server.seen  # type: ignore[attr-defined]
    assert seen["path"] == "/openai/models?api-version=2024-10-21"
    assert (seen["api-key"], seen["x-org"]) == ("plain", "me")
    assert seen["host"] == f"localhost:{server.server_port}"
    assert "authorization" not in seen


def test_no_key_no_header(server: ThreadingHTTPServer) -> None:
    assert try_key(provider(server.server_port), "").ok
    assert "authorization" not in server.seen[0]  # type: ignore[attr-defined]


def test_nobody_there() -> None:
    found = try_key(provider(1), "sk-secret")
    assert (found.ok, found.status, found.latency_ms) == (False, None, None)
    assert "base_url" in found.message


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"])
def test_link_local_addresses_are_never_called(host: str) -> None:
    found = try_key(provider(80, host=host), "sk-secret")
    assert not found.ok
    assert "link-local" in found.message


def test_a_name_that_does_not_resolve() -> None:
    found = try_key(provider(80, host="does-not-exist.invalid"), "sk-secret")
    assert "does not resolve" in found.message


def test_a_provider_that_never_answers() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = try_key(provider(silent.getsockname()[1]), "sk-secret", timeout_s=0.2)
    assert (found.ok, found.status) == (False, None)
    assert "within 0.2 s" in found.message
