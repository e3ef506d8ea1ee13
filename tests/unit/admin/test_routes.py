from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import ferrogate.errors
from ferrogate.admin.problems import CODES
from ferrogate.errors import DecryptionError, EngineError, StoreError
from ferrogate.services.ingest import IngestService
from ferrogate.store import Store
from ferrogate.store.tables import REQUEST_COLUMNS


def direct_log(store: Store) -> Callable[[Sequence[Sequence[Any]]], None]:
    """Return a function that puts rows into the log."""

    def write(rows: Sequence[Sequence[Any]]) -> None:
        with store.database.write() as connection:
            for start in range(0, len(rows), 500):
                part = rows[start : start + 500]
                store.requests.insert_many(connection, len(part), [value for row in part for value in row])

    return write


KEY = "sk-proj-abcdefghijklmnop1234"


def problem(answer: Any, status: int, code: str) -> str:
    found = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(found) >= {"type", "title", "status", "detail", "code"}
    assert (answer.status_code, found["status"], found["code"]) == (status, status, code)
    assert CODES[code] == status
    assert found["type"] == f"urn:ferrogate:problem:{code}"
    detail: str = found["detail"]
    return detail


def test_a_key_from_its_making_to_its_end(control: Any) -> None:
    body = {"provider": "openai", "name": "main", "value": KEY}
    made = control.client.post("/api/v1/keys", json=body)
    assert made.status_code == 201
    key = made.json()
    assert (key["value"], key["weight"], key["models"], key["enabled"]) == ("sk-...1234", 1.0, ["*"], True)
    assert (key["source"], key["in_force"]) == ("store", True)
    assert made.headers["location"] == f"/api/v1/keys/{key['id']}"
    provider = next(one for one in control.engine.applied[-1].providers if one.name == "openai")
    assert {one.value for one in provider.keys} == {KEY, "sk-from-the-file-0123456789"}
    listed = control.client.get("/api/v1/keys")
    assert [one["name"] for one in listed.json()["items"]] == ["filed", "main"]
    assert KEY not in listed.text + made.text
    assert control.client.get(made.headers["location"]).json() == key
    changed = control.client.patch(f"/api/v1/keys/{key['id']}", json={"weight": 0.25}).json()
    assert changed == {**key, "weight": 0.25}
    assert control.client.delete(f"/api/v1/keys/{key['id']}").status_code == 204
    problem(control.client.get(f"/api/v1/keys/{key['id']}"), 404, "not_found")
    assert control.client.get("/api/v1/keys?provider=groq").json() == {"items": []}


@pytest.mark.parametrize("key_id", ["file:openai/filed", "file%3Aopenai%2Ffiled"])
def test_a_key_of_the_file_names_its_place(control: Any, key_id: str) -> None:
    path = f"/api/v1/keys/{key_id}"
    assert control.client.get(path).json()["source"] == "file"
    for answer in (control.client.patch(path, json={"weight": 2}), control.client.delete(path)):
        assert "gateway.yaml" in problem(answer, 409, "conflict")


def test_a_key_is_tried(control: Any) -> None:
    body = {"name": "far", "kind": "openai-compatible", "base_url": "http://127.0.0.1:1/v1"}
    assert control.client.post("/api/v1/providers", json=body).status_code == 201
    made = control.client.post("/api/v1/keys", json={"provider": "far", "value": KEY}).json()
    tried = control.client.post(f"/api/v1/keys/{made['id']}/test")
    assert tried.status_code == 200
    assert (tried.json()["ok"], tried.json()["status"]) == (False, None)
    assert KEY not in tried.text
    problem(control.client.post("/api/v1/keys/nothing/test"), 404, "not_found")


def test_a_gateway_key_is_shown_once(control: Any) -> None:
    made = control.client.post("/api/v1/gateway-keys", json={"name": "chatbot", "tenant": "team"})
    assert made.status_code == 201
    key = made.json()
    assert key["secret"].startswith("fgk_")
    listed = control.client.get("/api/v1/gateway-keys")
    assert key["secret"] not in listed.text
    (item,) = listed.json()["items"]
    assert (item["id"], item["name"], item["tenant"]) == (key["id"], "chatbot", "team")
    assert item["created_at"].endswith("Z")
    problem(control.client.post("/api/v1/gateway-keys", json={"name": "chatbot"}), 409, "conflict")
    assert control.client.delete(f"/api/v1/gateway-keys/{key['id']}").status_code == 204
    problem(control.client.delete(f"/api/v1/gateway-keys/{key['id']}"), 404, "not_found")


def test_a_provider_from_its_making_to_its_end(control: Any) -> None:
    body = {
        "name": "my-vllm", "kind": "openai-compatible", "base_url": "http://10.0.0.1/v1",
        "headers": {"authorization": "Bearer abcdefghijklmnop"}, "timeouts": {"connect": "5s", "idle": 30},
    }  # fmt: skip
    made = control.client.post("/api/v1/providers", json=body)
    assert made.status_code == 201
    assert "abcdefghijkl" not in made.text
    assert made.json()["timeouts"] == {"connect": "5s", "idle": "30s"}
    path = made.headers["location"]
    assert (
        control.client.patch(path, json={"base_url": "http://10.0.0.2/v1"}).json()["base_url"]
        == "http://10.0.0.2/v1"
    )
    assert control.client.get(path).json()["headers"] == made.json()["headers"]
    assert "my-vllm" in [one["name"] for one in control.client.get("/api/v1/providers").json()["items"]]
    assert control.client.delete(path).status_code == 204
    problem(control.client.get(path), 404, "not_found")
    configured = control.client.get("/api/v1/providers?configured=true").json()["items"]
    assert [one["name"] for one in configured] == ["openai"]


def test_an_alias_from_its_making_to_its_end(control: Any) -> None:
    path = "/api/v1/models/team/chat"
    targets = ["openai/gpt-4o-mini", {"provider": "groq", "model": "a/b", "weight": 0.5}]
    made = control.client.put(path, json={"targets": targets})
    assert (made.status_code, made.json()["name"]) == (201, "team/chat")
    assert control.client.put(path, json={"targets": targets}).status_code == 200
    assert control.client.get(path).json()["targets"] == [
        {"provider": "openai", "model": "gpt-4o-mini", "weight": None},
        {"provider": "groq", "model": "a/b", "weight": 0.5},
    ]
    listed = control.client.get("/api/v1/models").json()["items"]
    assert [one["name"] for one in listed] == ["fixed", "team/chat"]
    assert control.client.delete(path).status_code == 204
    problem(control.client.delete(path), 404, "not_found")
    assert "gateway.yaml" in problem(control.client.delete("/api/v1/models/fixed"), 409, "conflict")


@pytest.mark.parametrize(
    "target", ["gpt-4o", "/x", "x/", {}, {"provider": "openai"}, {"target": "a/b", "model": "c"}]
)
def test_a_target_that_leads_nowhere(control: Any, target: Any) -> None:
    answer = control.client.put("/api/v1/models/chat", json={"targets": [target]})
    assert "provider/model" in problem(answer, 422, "validation_failed")


def fill(control: Any, number: int, **given: Any) -> None:
    texts = dict.fromkeys(REQUEST_COLUMNS, "")
    zeros = [
        "status",
        "stream",
        "attempts",
        "duration_us",
        "overhead_us",
        "queue_us",
        "request_bytes",
        "response_bytes",
    ]
    nulls = [
        "error",
        "attempts_json",
        "ttft_us",
        "upstream_us",
        "cached_tokens",
        "finish_reason",
        "client_request_id",
        "tags",
        "input_tokens",
        "output_tokens",
        "payload_segment",
        "payload_offset",
        "payload_bytes",
        "similarity",
        "veto",
        "hooks",
    ]
    base = {**texts, **dict.fromkeys(zeros, 0), **dict.fromkeys(nulls), "outcome": "ok", "status": 200}
    base["payload"] = "none"
    now = int(time.time() * 1_000)
    rows = [
        list({**base, "request_id": f"7{index:025d}", "started_ms": now, **given}.values())
        for index in range(number)
    ]
    direct_log(control.store)(rows)


def test_the_log_by_pages_and_by_id(control: Any) -> None:
    fill(control, 5, provider="openai", key_name="main", client_request_id="mine/1", duration_us=1_500)
    first = control.client.get("/api/v1/logs?limit=3").json()
    second = control.client.get("/api/v1/logs", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    ids = [one["request_id"] for one in first["items"] + second["items"]]
    assert ids == [f"7{index:025d}" for index in range(4, -1, -1)]
    assert second["next_cursor"] is None
    assert control.client.get("/api/v1/logs/mine/1").json() == first["items"][0]
    assert first["items"][0]["latency"]["total_ms"] == 1.5
    assert control.client.get("/api/v1/logs?status=5xx").json()["items"] == []
    assert len(control.client.get("/api/v1/logs?key=main&since=1h").json()["items"]) == 5
    problem(control.client.get("/api/v1/logs/nothing"), 404, "not_found")
    bodies = control.client.get("/api/v1/logs/mine/1/payloads").json()
    assert bodies == {"request_id": ids[0], "state": "none", "request": None, "response": None}
    problem(control.client.get("/api/v1/logs/nothing/payloads"), 404, "not_found")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "cursor=x", "status=ok", "since=then", "until=then"]
)
def test_a_query_that_cannot_be_read(control: Any, query: str) -> None:
    assert query.partition("=")[0] in problem(
        control.client.get(f"/api/v1/logs?{query}"), 422, "validation_failed"
    )


def test_stats(control: Any) -> None:
    fill(control, 4, outcome="error", status=500, duration_us=2_000, input_tokens=3, output_tokens=1)
    found = control.client.get("/api/v1/stats?bucket=1h").json()
    assert found["totals"] == {
        "requests": 4, "errors": 4, "cancelled": 0, "input_tokens": 12, "output_tokens": 4,
    }  # fmt: skip
    assert found["series"][-1]["p50_ms"] == pytest.approx(2.0, rel=0.1)
    assert (found["bucket_seconds"], found["source"]) == (3_600, "rollups")
    exact = control.client.get("/api/v1/stats?bucket=10s&since=10m").json()
    assert (exact["series"][-1]["p50_ms"], exact["source"]) == (2.0, "rows")
    for query in ("bucket=soon", "bucket=1ms", "since=1970-01-01T00:00:00Z", "since=then"):
        problem(control.client.get(f"/api/v1/stats?{query}"), 422, "validation_failed")


def test_the_configuration_is_shown_masked_and_changed(control: Any) -> None:
    shown = control.client.get("/api/v1/config")
    assert "sk-from-the-file-0123456789" not in shown.text
    assert shown.json()["settings"]["limits.answer"]["value"] == "2MiB"
    changed = control.client.patch("/api/v1/config", json={"limits": {"json_body": "1MiB"}})
    assert changed.json()["settings"]["limits.json_body"]["value"] == "1MiB"
    assert control.engine.applied[-1].limits.json_body_bytes == 2**20
    assert control.client.patch("/api/v1/config", json={"limits": {"json_body": None}}).status_code == 200
    assert control.engine.applied[-1].limits.json_body_bytes == 32 * 2**20


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"limits": {"answer": "1MiB"}}, 409, "conflict"),
        ({"server": {"port": 1}}, 422, "config_invalid"),
        ({"limits": {"nothing": 1}}, 422, "config_invalid"),
        ({"limits": 5}, 422, "validation_failed"),
        ([], 422, "validation_failed"),
    ],
)
def test_settings_that_cannot_change(control: Any, changes: Any, status: int, code: str) -> None:
    problem(control.client.patch("/api/v1/config", json=changes), status, code)
    assert control.engine.applied == []


def test_lanes_status_health_and_metrics(control: Any) -> None:
    assert control.client.get("/api/v1/lanes").json()["items"][0]["in_flight"] == 2
    status = control.client.get("/api/v1/status").json()
    assert (status["engine"]["in_flight"], status["auth_required"]) == (2, False)
    assert control.client.get("/healthz").json() == {"status": "ok"}
    assert control.client.get("/readyz").json()["ready"] is True
    control.engine.draining = True
    assert control.client.get("/readyz").status_code == 503


@pytest.mark.parametrize(
    ("engine", "kind", "family", "end"),
    [
        ("# HELP a A\na_total 3\n# EOF\n", "application/openmetrics-text", "ferrogate_log_rows", "# EOF\n"),
        (
            "# HELP a_total A\na_total 3\n",
            "text/plain",
            "ferrogate_log_rows_total",
            "ferrogate_log_rejected_total 0\n",
        ),
    ],
)
def test_metrics_keep_the_engine_s_format(
    control: Any, monkeypatch: pytest.MonkeyPatch, engine: str, kind: str, family: str, end: str
) -> None:
    class NoJournal:
        def journal_read(self, segment: int, offset: int, max_rows: int) -> tuple[int, list[Any], int, int]:
            return max_rows * 0, [], segment, offset

        def journal_release(self, segment: int) -> int:
            return segment

    monkeypatch.setattr(control.engine, "metrics", lambda: engine, raising=False)
    control.app.state.services = replace(control.services, ingest=IngestService(control.store, NoJournal()))
    answer = control.client.get("/metrics")
    assert answer.headers["content-type"].startswith(f"{kind}; version=")
    assert f"# TYPE {family} counter\nferrogate_log_rows_total 0\n" in answer.text
    assert answer.text.startswith("# HELP a")
    assert "a_total 3\n" in answer.text
    assert answer.text.endswith(end)
    assert answer.text.count("# EOF") == engine.count("# EOF")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "body.provider"),
        ({"provider": "openai"}, "body.value"),
        ({"provider": "openai", "value": KEY, "wieght": 1}, "body.wieght"),
        ({"provider": "openai", "value": KEY, "weight": -1}, "body.weight"),
        ({"provider": "openai", "value": KEY, "models": []}, "body.models"),
        ({"provider": "openai", "value": [KEY]}, "body.value"),
    ],
)
def test_a_body_that_does_not_fit_is_not_quoted(control: Any, body: Any, word: str) -> None:
    answer = control.client.post("/api/v1/keys", json=body)
    assert word in problem(answer, 422, "validation_failed")
    assert answer.json()["errors"][0]["at"] == word
    assert KEY not in answer.text


def test_errors_of_the_services(control: Any) -> None:
    body = {"provider": "opena1", "value": KEY}
    assert "openai" in problem(control.client.post("/api/v1/keys", json=body), 422, "config_invalid")
    control.engine.refuses = True
    body = {"provider": "openai", "value": KEY}
    answer = control.client.post("/api/v1/keys", json=body)
    assert "base_url" in problem(answer, 422, "snapshot_refused")
    assert [one.name for one in control.services.keys.list()] == ["filed"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StoreError("the disk is full"), 503, "store_unavailable"),
        (DecryptionError("the master key does not fit"), 500, "decryption_failed"),
        (EngineError("it stopped"), 503, "engine_unavailable"),
    ],
)
def test_errors_of_the_machine(control: Any, error: Exception, status: int, code: str) -> None:
    control.engine.fails = error
    assert problem(control.client.get("/api/v1/lanes"), status, code) == str(error)


def test_a_mistake_of_ours_tells_nothing_of_the_inside(control: Any) -> None:
    control.engine.fails = RuntimeError("secret detail")
    answer = control.client.get("/api/v1/lanes")
    problem(answer, 500, "internal")
    assert "secret detail" not in answer.text


def test_errors_of_http(control: Any) -> None:
    assert "/docs" in problem(control.client.get("/api/v1/nothing"), 404, "route_not_found")
    answer = control.client.put("/api/v1/keys", json={})
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]
    headers = {"content-type": "application/json"}
    problem(control.client.post("/api/v1/keys", content=b'{"a": ', headers=headers), 400, "invalid_json")


def test_pages_are_whole_and_load_nothing_from_elsewhere(control: Any) -> None:
    for path in ("/", "/docs"):
        page = control.client.get(path)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "<script>" not in page.text
        assert "style=" not in page.text
        assert " on" + "click=" not in page.text
    folder = Path(ferrogate.errors.__file__).parent / "dashboard"
    files = sorted(file for file in folder.iterdir() if file.suffix in (".html", ".css", ".js"))
    assert len(files) == 5
    for file in files:
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text
        assert "https://" not in text
        assert "innerHTML" not in text


def test_a_page_that_is_known_is_not_sent_again(control: Any) -> None:
    etag = control.client.get("/").headers["etag"]
    again = control.client.get("/", headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_without_the_page_the_rest_is_there(make: Any) -> None:
    client = make(page=False).client
    problem(client.get("/"), 404, "route_not_found")
    assert client.get("/docs").status_code == 200


def test_every_operation_is_described(control: Any) -> None:
    found = control.client.get("/openapi.json").json()
    operations = [
        (path, verb, operation) for path, verbs in found["paths"].items() for verb, operation in verbs.items()
    ]
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(ids) == len(set(ids)) == 35
    for path, verb, operation in operations:
        assert operation.get("summary"), (path, verb)
        assert operation.get("description"), (path, verb)
        if path.startswith("/api/"):
            assert operation["security"] == [{"adminToken": []}], (path, verb)
            described = operation["responses"]["422"]["content"]
            assert list(described) == ["application/problem+json"], (path, verb)
    assert {"list_keys", "create_key", "test_key", "put_alias", "get_log", "change_config"} <= set(ids)
    assert "HTTPValidationError" not in found["components"]["schemas"]
    assert "ProblemDocument" in found["components"]["schemas"]


def test_the_documented_routes_are_those_that_the_documentation_page_can_call(control: Any) -> None:
    with TestClient(control.app, base_url="http://localhost:8080") as client:
        paths = client.get("/openapi.json").json()["paths"]
    assert "/api/v1/keys/{key_id}/test" in paths
    assert "/api/v1/models/{alias}" in paths
    assert paths["/api/v1/cache"].keys() == {"get", "delete"}
    assert not [path for path in paths if ":path" in path]
