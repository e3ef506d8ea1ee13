"""``GET /models``: the aliases, and what each provider with a key lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.doors import Door
from harness.gateway import Gateway
from harness.mock import Mock
from harness.upstream import Upstream, json_answer, status

ANTHROPIC_LIST = (
    b'{"data":[{"type":"model","id":"claude-haiku-4-5","display_name":"Claude Haiku 4.5",'
    b'"created_at":"2025-10-01T00:00:00Z"}],"has_more":false,"first_id":"claude-haiku-4-5",'
    b'"last_id":"claude-haiku-4-5"}'
)
LIST = (
    b'{"object":"list","data":[{"id":"a/b","object":"model","created":5,"owned_by":"them"},'
    b'{"id":"c","object":"model"}]}'
)


@pytest.fixture
def lists(folder: Path, door: Door, mock: Mock, upstream: Upstream) -> Iterator[Gateway]:
    """OpenAI is the mock, ``own`` lists two models, ``down`` fails, ``keyless-none`` has no key."""
    with Upstream(script=status(500, b"{}")) as down:
        upstream.script = json_answer(LIST)
        config = {
            "providers": {
                "openai": {"base_url": mock.url, "keys": ["sk-openai-0123456789012345"]},
                "own": {
                    "kind": "openai-compatible",
                    "base_url": upstream.url,
                    "keys": ["k-own-0123456789012345"],
                },
                "down": {"kind": "openai-compatible", "base_url": down.url},
                "groq": {"base_url": upstream.url},
            },
            "models": {"chat": ["openai/gpt-4o", "own/c"], "fast": "own/a/b"},
        }
        with Gateway(folder, door, config=config) as gateway:
            yield gateway


def test_the_list(lists: Gateway, upstream: Upstream) -> None:
    answer = lists.http.get("/openai/v1/models")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    document = answer.json()
    assert document["object"] == "list"
    models = {model["id"]: model for model in document["data"]}
    assert {"chat", "fast", "own/a/b", "own/c", "gpt-4o"} <= models.keys()
    assert all({"id", "object", "created", "owned_by"} <= model.keys() for model in models.values())
    assert (models["own/a/b"]["created"], models["own/a/b"]["owned_by"]) == (5, "them")
    assert not any(name.startswith(("groq/", "down/")) for name in models)
    (request,) = upstream.requests
    assert (request.target, request.header("authorization")) == (
        "/v1/models",
        "Bearer k-own-0123456789012345",
    )
    one = lists.http.get("/openai/v1/models/own/a/b")
    assert (one.status_code, one.json()["id"]) == (200, "own/a/b")
    alias = lists.http.get("/v1/models/chat")
    assert (alias.status_code, alias.json()["object"]) == (200, "model")
    missing = lists.http.get("/v1/models/nothing")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "provider_not_found")


def test_it_is_kept_and_follows_changes(lists: Gateway, upstream: Upstream, door: Door) -> None:
    for _ in range(12):
        lists.http.get("/v1/models")
    threads = 1 if door is Door.PYTHON else lists.call("GET", "status")["engine"]["threads"]
    assert len(upstream.requests) <= threads, "each engine thread asks once"
    lists.call("PUT", "models/added", targets=["own/c"])
    names = {model["id"] for model in lists.http.get("/v1/models").json()["data"]}
    assert "added" in names


def test_anthropic_s_list_is_read_too(folder: Path, door: Door, upstream: Upstream) -> None:
    """Its address is as its SDKs write it: without a version. The Python engine lists what it can serve."""
    upstream.script = json_answer(ANTHROPIC_LIST)
    provider = {
        "base_url": upstream.url.removesuffix("/v1"),
        "keys": [{"name": "main", "value": "sk-ant-0123456789012345"}],
    }
    with Gateway(folder, door, config={"providers": {"anthropic": provider}}) as gateway:
        models = {model["id"]: model for model in gateway.http.get("/v1/models").json()["data"]}
        if door is Door.PYTHON:
            assert "anthropic/claude-haiku-4-5" not in models
        else:
            assert models["anthropic/claude-haiku-4-5"]["object"] == "model"
            assert isinstance(models["anthropic/claude-haiku-4-5"]["created"], int)
        tried = gateway.call("POST", "keys/file:anthropic/main/test")
        assert (tried["ok"], tried["message"]) == (True, "anthropic accepted the key and lists 1 model.")
    for request in upstream.requests:
        assert (request.target, request.header("x-api-key")) == ("/v1/models", "sk-ant-0123456789012345")
        assert (request.header("anthropic-version"), request.header("authorization")) == ("2023-06-01", None)
    assert len(upstream.requests) == (1 if door is Door.PYTHON else 2)
