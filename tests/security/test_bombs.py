"""Little that becomes much: compressed bodies, nested and endless documents, texts without end."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ferrogate.config import check_config
from ferrogate.store import DATABASE_NAME
from harness.chat import ANSWER, CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway
from harness.routing import Routing
from harness.upstream import Upstream, json_answer, status
from harness.wire import Wire

MIB = 2**20
UNPACKED = 256 * MIB
BOMB = gzip.compress(b'{"data":[{"id":"' + bytes(UNPACKED) + b'"}]}', 9)
"""A quarter of a megabyte."""


@pytest.mark.kind("encoding_not_supported")
@pytest.mark.parametrize(
    "encoding", ["gzip", "br", "zstd", "deflate", "gzip, gzip", "identity, gzip", "x-anything"]
)
def test_a_packed_body_is_refused_unread(
    gateway: Gateway, routing: Routing, upstream: Upstream, encoding: str
) -> None:
    provider = routing.provider(upstream.url)
    # Small ones: what is refused unread may cost a client that is still sending the answer.
    for body in (gzip.compress(bytes(4 * MIB)), gzip.compress(chat(provider.model()))):
        headers = {"content-encoding": encoding, "content-type": "application/json"}
        answer = gateway.http.post(CHAT, content=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (415, "encoding_not_supported")
    assert upstream.requests == []


def test_identity_is_no_encoding(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    headers = {"content-encoding": "identity"}
    assert gateway.http.post(CHAT, content=chat(provider.model()), headers=headers).status_code == 200


@pytest.mark.compiled
def test_a_packed_upload_passes_as_it_came(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = json_answer(b"{}")
    provider = routing.provider(upstream.url)
    before = gateway.rss()
    headers = {"content-encoding": "gzip", "content-type": "application/octet-stream"}
    answer = gateway.http.post(
        "/v1/files", content=BOMB, headers=headers | {"x-gateway-provider": provider.name}
    )
    assert answer.status_code == 200
    assert upstream.requests[0].body == BOMB
    assert upstream.requests[0].header("content-encoding") == "gzip"
    assert gateway.rss() < before + UNPACKED // 4


@pytest.mark.parametrize("code", [200, 400, 500])
def test_a_packed_answer_is_not_unpacked(
    gateway: Gateway, routing: Routing, upstream: Upstream, code: int
) -> None:
    """Nobody asked for it: it passes as it came or is refused, and fills no memory."""
    upstream.script = status(code, BOMB, [("Content-Encoding", "gzip")])
    provider = routing.provider(upstream.url)
    before = gateway.rss()
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(provider.model()))
        answer = wire.answer()
    assert upstream.requests[0].header("accept-encoding") == "identity"
    assert answer.status in (code, 502)
    assert answer.body == BOMB or len(answer.body) < 1024
    assert gateway.rss() < before + UNPACKED // 4


def test_a_packed_list_of_models_is_not_unpacked(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.script = status(200, BOMB, [("Content-Encoding", "gzip")])
    provider = routing.provider(upstream.url)
    before = gateway.rss()
    assert gateway.http.get("/v1/models").status_code == 200
    tested = gateway.call("POST", f"keys/{provider.key_ids['main']}/test")
    assert tested["ok"] is False
    assert len(upstream.requests) >= 2
    assert gateway.rss() < before + UNPACKED // 4


ADMIN = "/api/v1/keys"


def test_the_admin_api_reads_no_large_body(gateway: Gateway) -> None:
    body = b'{"provider": "openai", "value": "' + b"x" * 2 * MIB + b'"}'
    announced = gateway.admin.post(ADMIN, content=body)
    assert (announced.status_code, announced.json()["code"]) == (413, "body_too_large")
    with Wire(gateway.port) as wire:
        wire.head("POST", ADMIN, [("Content-Length", str(2**62)), ("Content-Type", "application/json")])
        assert wire.open()[0] == 413
    chunks = gateway.admin.post(ADMIN, content=iter([body[:MIB], body[MIB:]]))
    assert (chunks.status_code, chunks.json()["code"]) == (413, "body_too_large")
    assert gateway.admin.get(ADMIN).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 500_000,
        b'{"a":' * 150_000,
        b'{"provider": ' + b"9" * 900_000 + b"}",
        b'{"provider": "openai", "value": "k", "weight": 1e999}',
        b'{"provider": "openai", "value": "k", "weight": NaN}',
        b'{"provider": "openai", "value": "k", "weight": -' + b"9" * 5000 + b"}",
        b'{"provider": "openai", "value": "\\ud800"}',
        b'{"provider": "\\u0000", "value": "k"}',
        b"\xff\xfe\x00",
        b"",
    ],
    ids=lambda body: repr(body[:24]),
)
@pytest.mark.parametrize("path", ["keys", "providers", "gateway-keys"])
def test_the_admin_api_survives_any_document(gateway: Gateway, path: str, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = gateway.admin.post(f"/api/v1/{path}", content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text[:300]
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 4096


@pytest.mark.parametrize(
    "changes",
    [
        {"limits": {"json_body": 10**400}},
        {"limits": {"max_connections": 10**30}},
        {"limits": {"client_headers": "9" * 400 + "s"}},
        {"timeouts": {"connect": 1e308}},
        {"server": {"allowed_hosts": ["*"]}},
        {"server": {"allowed_hosts": ["a" * 100_000]}},
        {"server": {"auth": "off"}},
    ],
    ids=str,
)
def test_settings_beyond_reason_are_refused(gateway: Gateway, changes: dict[str, Any]) -> None:
    content = json.dumps(changes)
    answer = gateway.admin.patch(
        "/api/v1/config", content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (409, 422), answer.text[:300]
    assert gateway.admin.get(ADMIN).status_code == 200


LAUGHS = "\n".join(
    ["x-a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    + [f"x-a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    + ["models: {a: *a11}"]
)
MERGES = "\n".join(
    ["x-m0: &m0 {" + ", ".join(f"k{n}: v" for n in range(20)) + "}"]
    + [f"x-m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    + ["providers: *m11"]
)


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        MERGES,
        "models: &a [*a]",
        "a: &a {<<: *a}",
        "providers: " + "[" * 100_000,
        "providers: " + "{a: " * 50_000,
        "- " * 200_000,
        "limits: {max_connections: " + "9" * 500_000 + "}",
        "limits: {max_connections: 0x" + "f" * 100_000 + "}",
        "limits: {json_body: 1" + "0" * 400 + "GiB}",
        "timeouts: {connect: 1e99999s}",
        "server: !!python/object/apply:os.system [id]",
        "server: !!binary aGk=",
        "x: " + "a" * 2 * MIB,
        "? [a, b]\n: c",
        "a: b\x00c",
        "\x1b[2J",
        "---\na: 1\n---\nb: 2",
    ],
    ids=lambda text: repr(text[:24]),
)
def test_a_file_that_grows_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    config, problems = check_config(path, environ={})
    assert config is None
    assert problems
    assert sum(len(str(problem)) for problem in problems) < MIB


def test_texts_without_end_are_cut_in_the_log(folder: Path, door: Door, upstream: Upstream) -> None:
    words = {"finish_reason": "f" * 900_000, "index": 0, "message": {"role": "assistant", "content": "a"}}
    upstream.script = json_answer(json.dumps({"choices": [words]}).encode())
    key = {"kind": "openai-compatible", "base_url": upstream.url, "keys": ["a-key-of-this-provider-01"]}
    with Gateway(folder, door, config={"providers": {"own": key}}) as gateway:
        headers = {
            "x-gateway-tags": ",".join(f"t{n}=" + "v" * 8 for n in range(30)),
            "x-request-id": "r" * 512,
        }
        for model in ("own/" + "m" * 5 * MIB, "nobody/" + "\u00e9" * MIB):
            answer = gateway.http.post(CHAT, content=chat(model), headers=headers)
            row = gateway.row(answer.headers["x-gateway-request-id"])
            assert model.startswith(row["model"])
            assert len(answer.content) < 2 * MIB
    with sqlite3.connect(gateway.data / DATABASE_NAME) as database:
        database.text_factory = bytes
        rows = database.execute("SELECT * FROM requests").fetchall()
    assert len(rows) == 2
    for columns in rows:
        assert sum(len(value) for value in columns if isinstance(value, bytes)) <= 64 * 1024
