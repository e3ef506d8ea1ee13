"""One row a request, whatever became of it, and what the row knows."""

from __future__ import annotations

import json

import pytest

from harness.chat import ANSWER, CHAT, DONE, ROLE, chat, delta, event
from harness.doors import Door
from harness.gateway import Gateway
from harness.mock import Mock
from harness.routing import Routing
from harness.upstream import Upstream, json_answer, sse


def test_a_row_of_an_answer(gateway: Gateway, routing: Routing, upstream: Upstream, door: Door) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    body = chat(provider.model("m-1"))
    headers = {"x-request-id": f"mine-{provider.name}", "x-gateway-tags": "team=search, env=a b"}
    answer = gateway.http.post(CHAT, content=body, headers=headers)
    row = gateway.row(answer.headers["x-gateway-request-id"])
    expected = {
        "request_id": answer.headers["x-gateway-request-id"],
        "client_request_id": f"mine-{provider.name}",
        "door": door.label,
        "tenant": "local",
        "operation": "chat.completions",
        "path": CHAT,
        "model": provider.model("m-1"),
        "provider": provider.name,
        "upstream_model": "m-1",
        "key": "main",
        "key_id": provider.key_ids["main"],
        "status": 200,
        "outcome": "ok",
        "error": None,
        "stream": False,
        "cache": "off",
        "finish_reason": "stop",
        "tokens": {"input": 7, "output": 3, "cached": 2},
        "bytes": {"request": len(body), "response": len(ANSWER)},
        "tags": {"team": "search", "env": "a b"},
    }
    assert {name: row[name] for name in expected} == expected
    latency = row["latency"]
    assert latency["total_ms"] >= latency["upstream_ms"] > 0
    assert latency["overhead_ms"] > 0
    assert gateway.row(f"mine-{provider.name}") == row, "found by the client's own id too"


def test_a_row_of_a_stream(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}
    parts = [
        ROLE,
        delta("a"),
        delta("b"),
        event({"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}),
        event({"choices": [], "usage": usage}),
        DONE,
    ]
    upstream.script = sse(*parts)
    provider = routing.provider(upstream.url)
    answer = gateway.http.post(CHAT, content=chat(provider.model(), stream=True))
    row = gateway.row(answer.headers["x-gateway-request-id"])
    assert (row["stream"], row["outcome"], row["finish_reason"]) == (True, "ok", "length")
    assert row["tokens"] == {"input": 11, "output": 5, "cached": 4}
    assert row["bytes"]["response"] == len(b"".join(parts))
    assert 0 < row["latency"]["ttft_ms"] <= row["latency"]["total_ms"]


def test_usage_is_not_asked_for_unless_the_client_did(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    """A byte-for-byte relay does not add options of its own."""
    provider = routing.provider(mock.url)
    gateway.http.post(CHAT, content=chat(provider.model("echo"), stream=True))
    (arrived,) = mock.requests(provider.keys["main"])
    assert "stream_options" not in arrived["body_text"]


def test_a_row_tells_every_attempt(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    providers = [routing.provider(mock.url) for _ in range(3)]
    mock.script(providers[0].keys["main"], status=429)
    mock.script(providers[1].keys["main"], close=True)
    model = routing.alias(*(provider.model(f"m{index}") for index, provider in enumerate(providers)))
    answer = gateway.http.post(CHAT, content=chat(model))
    row = gateway.row(answer.headers["x-gateway-request-id"])
    assert (row["model"], row["upstream_model"], row["outcome"], row["error"]) == (model, "m2", "ok", None)
    told = [(entry["provider"], entry["model"], entry["key"], entry["error"]) for entry in row["attempts"]]
    assert told == [
        (providers[0].name, "m0", "main", "upstream_status"),
        (providers[1].name, "m1", "main", "upstream_reset"),
        (providers[2].name, "m2", "main", None),
    ]
    assert row["attempts"][0]["status"] == 429
    assert all(entry["duration_ms"] >= 0 for entry in row["attempts"])


def test_rows_of_errors(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    failing = routing.provider(mock.url)
    mock.script(failing.keys["main"], status=500)
    cases = {
        "upstream_status": (gateway.http.post(CHAT, content=chat(failing.model())), 500),
        "invalid_json": (gateway.http.post(CHAT, content=b"{"), 400),
        "model_missing": (gateway.http.post(CHAT, content=b"{}"), 400),
        "provider_key_missing": (gateway.http.post(CHAT, content=chat("groq/x")), 401),
    }
    for code, (answer, status) in cases.items():
        row = gateway.row(answer.headers["x-gateway-request-id"])
        assert (row["outcome"], row["error"], row["status"]) == ("error", code, status)
    assert row["attempts"] == []


def test_the_log_can_be_narrowed(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    tag = f"round={provider.name}"
    answers = [
        gateway.http.post(CHAT, content=chat(provider.model(f"m{n}")), headers={"x-gateway-tags": tag})
        for n in range(3)
    ]
    ids = [answer.headers["x-gateway-request-id"] for answer in answers]
    for request_id in ids:
        gateway.row(request_id)

    def found(**filters: str) -> list[str]:
        page = gateway.admin.get("/api/v1/logs", params=filters)
        assert page.status_code == 200, page.text
        return [item["request_id"] for item in page.json()["items"]]

    everything = found(provider=provider.name)
    assert sorted(everything) == sorted(ids)
    assert found(tag=tag) == everything
    assert found(model=provider.model("m1")) == [ids[1]]
    assert found(provider=provider.name, status="5xx") == []
    first = gateway.admin.get("/api/v1/logs", params={"provider": provider.name, "limit": 2}).json()
    assert [item["request_id"] for item in first["items"]] == everything[:2]
    assert found(provider=provider.name, cursor=first["next_cursor"]) == everything[2:]


def test_the_log_is_newest_first(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    ids = []
    for _ in range(2):
        answer = gateway.http.post(CHAT, content=chat(provider.model()))
        ids.append(answer.headers["x-gateway-request-id"])
        gateway.row(ids[-1])
    items = gateway.call("GET", f"logs?provider={provider.name}")["items"]
    assert [item["request_id"] for item in items] == ids[::-1]


def test_secrets_and_payloads_are_in_no_row(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    headers = {"authorization": "Bearer sk-client-secret-value"}
    answer = gateway.http.post(CHAT, content=chat(provider.model(), note="private text"), headers=headers)
    text = json.dumps(gateway.row(answer.headers["x-gateway-request-id"]))
    for secret in ("sk-client-secret-value", provider.keys["main"], "private text"):
        assert secret not in text


def test_the_models_list_is_a_row_too(gateway: Gateway) -> None:
    answer = gateway.http.get("/v1/models")
    assert answer.status_code == 200
    row = gateway.row(answer.headers["x-gateway-request-id"])
    assert (row["operation"], row["status"], row["outcome"]) == ("models", 200, "ok")


@pytest.mark.parametrize("count", [25])
def test_every_request_is_there_exactly_once(
    gateway: Gateway, mock: Mock, routing: Routing, count: int
) -> None:
    provider = routing.provider(mock.url)
    ids = [
        gateway.http.post(CHAT, content=chat(provider.model())).headers["x-gateway-request-id"]
        for _ in range(count)
    ]
    gateway.row(ids[-1])
    items = gateway.call("GET", f"logs?provider={provider.name}&limit=100")["items"]
    assert sorted(item["request_id"] for item in items) == sorted(ids)
