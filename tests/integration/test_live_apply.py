"""Changes take effect for the next request, all or nothing; what lanes have been through survives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.chat import ANSWER, CHAT, DONE, FINISH, chat, delta
from harness.doors import Door
from harness.gateway import Gateway, until
from harness.mock import Mock
from harness.routing import Routing
from harness.upstream import Exchange, Upstream, chunk, json_answer, stream_head
from harness.wire import End, Wire


def test_a_key_serves_the_next_request(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url, kind="openai", keys=[])
    assert gateway.http.post(CHAT, content=chat(provider.model())).status_code == 401
    for round_ in range(10):
        made = gateway.call(
            "POST", "keys", provider=provider.name, name="main", value=f"sk-{provider.name}-{round_:020}"
        )
        assert made["value"].startswith("sk-...") or made["value"] == "****"
        answer = gateway.http.post(CHAT, content=chat(provider.model()))
        assert answer.status_code == 200, f"round {round_}: {answer.text}"
        assert len(mock.requests(f"sk-{provider.name}-{round_:020}")) == 1
        gateway.call("DELETE", f"keys/{made['id']}")
        assert gateway.http.post(CHAT, content=chat(provider.model())).status_code == 401


def test_a_changed_key_is_the_next_one_sent(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    fresh = f"fresh-of-{provider.name}-0123456789"
    gateway.call("PATCH", f"keys/{provider.key_ids['main']}", value=fresh)
    gateway.http.post(CHAT, content=chat(provider.model()))
    assert (len(mock.requests(fresh)), mock.requests(provider.keys["main"])) == (1, [])


def test_lane_counters_survive_a_change(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    for _ in range(3):
        gateway.http.post(CHAT, content=chat(provider.model()))
    gateway.call("PATCH", f"keys/{provider.key_ids['main']}", weight=0.5)
    routing.provider(mock.url)
    mock.script(provider.keys["main"], status=500)
    gateway.http.post(CHAT, content=chat(provider.model()))
    (counted,) = gateway.lanes(provider.name)
    assert (counted["requests"], counted["successes"], counted["failures"]) == (4, 3, 1)
    assert (counted["weight"], counted["last_error"], counted["last_status"]) == (0.5, "upstream_status", 500)


def test_a_running_request_keeps_what_it_began_with(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    changed = [False]

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(delta("a")))
        until(lambda: changed[0], "the change")
        exchange.send(chunk(FINISH + DONE) + b"0\r\n\r\n")

    upstream.script = script
    provider = routing.provider(upstream.url)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(provider.model(), stream=True))
        wire.open()
        pieces = wire.pieces()
        assert next(pieces) == delta("a")
        gateway.call("DELETE", f"keys/{provider.key_ids['main']}")
        gateway.call("DELETE", f"providers/{provider.name}")
        changed[0] = True
        assert b"".join(pieces) == FINISH + DONE
        assert wire.end is End.WHOLE


def test_a_change_that_is_refused_changes_nothing(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    before = gateway.call("GET", "status")["engine"]["generation"]
    bad = gateway.admin.patch(
        f"/api/v1/providers/{provider.name}", json={"base_url": "http://169.254.169.254/v1"}
    )
    assert bad.status_code == 422
    bad = gateway.admin.put("/api/v1/models/broken", json={"targets": ["no-such-provider/x"]})
    assert bad.status_code in (404, 422)
    assert gateway.call("GET", "status")["engine"]["generation"] == before
    assert gateway.http.post(CHAT, content=chat(provider.model())).status_code == 200


def test_the_file_is_applied_while_running_and_a_bad_one_is_not(folder: Path, mock: Mock) -> None:
    def config(model: str) -> dict[str, Any]:
        return {"providers": {"mock": {"base_url": mock.url}}, "models": {"chat": f"mock/{model}"}}

    def served(gateway: Gateway) -> str:
        answer = gateway.http.post(CHAT, content=chat("chat"))
        return answer.headers.get("x-gateway-model", answer.text)

    with Gateway(folder, Door.NATIVE, config=config("first")) as gateway:
        assert served(gateway) == "first"
        gateway.write_config(config("second"))
        until(lambda: served(gateway) == "second", "the changed file")
        gateway.write_config("providers: {mock: {base_url: [}}\n")
        until(lambda: "not reloaded" in gateway.stderr, "word of the bad file")
        assert "gateway.yaml" in gateway.stderr
        assert served(gateway) == "second"
        gateway.write_config("providers: {mock: {basurl: x}}\n")
        until(lambda: "basurl" in gateway.stderr, "word of the unknown setting")
        assert served(gateway) == "second"
        gateway.write_config(config("third"))
        until(lambda: served(gateway) == "third", "the good file again")


def test_the_three_other_ways_to_a_key(folder: Path, door: Door, upstream: Upstream) -> None:
    """A variable counts only where nothing else gives the provider a key; a file's key beats it at once."""
    upstream.script = json_answer(ANSWER)
    environ = {"OPENAI_API_KEY": "sk-of-the-environment-0001", "OPENAI_BASE_URL": upstream.url}
    with Gateway(folder, door, config={}, environ=environ) as gateway:
        assert gateway.http.post(CHAT, content=chat("gpt-4o")).content == ANSWER
        gateway.write_config({"providers": {"openai": {"keys": ["sk-of-the-file-000000001"]}}})
        until(
            lambda: "was reloaded" in gateway.stderr or len(gateway.call("GET", "keys")["items"]) > 1,
            "the file",
        )
        assert gateway.http.post(CHAT, content=chat("gpt-4o")).content == ANSWER
    sent = [request.header("authorization") for request in upstream.requests]
    assert sent == ["Bearer sk-of-the-environment-0001", "Bearer sk-of-the-file-000000001"]
