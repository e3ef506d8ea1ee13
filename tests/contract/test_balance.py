"""Traffic leaves a lane that fails, is slow or is limited, and every choice can be read in the log."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import httpx
import pytest

from harness.chat import ANSWER, CHAT, DONE, FINISH, ROLE, chat, delta
from harness.gateway import Gateway
from harness.mock import Mock
from harness.routing import Declared, Routing
from harness.upstream import Exchange, Upstream, json_answer, sse, status

pytestmark = pytest.mark.compiled


def ask(gateway: Gateway, body: bytes, **headers: str) -> httpx.Response:
    return gateway.http.post(CHAT, content=body, headers=headers)


def stand_still(exchange: Exchange) -> None:
    exchange.wait_until_left()
    exchange.close()


def keys_of(answers: list[httpx.Response]) -> Counter[str]:
    assert all(answer.status_code == 200 for answer in answers), {answer.text for answer in answers}
    return Counter(answer.headers["x-gateway-key"] for answer in answers)


def lane(gateway: Gateway, provider: Declared, key: str) -> dict[str, Any]:
    return next(lane for lane in gateway.lanes(provider.name) if lane["key"] == key)


def test_a_failing_key_is_left_after_a_few_requests(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url, keys=("bad", "good", "fair"))
    mock.script(provider.keys["bad"], status=500)
    answers = [ask(gateway, chat(provider.model())) for _ in range(100)]
    assert keys_of(answers)["bad"] == 0, "no client sees it"
    assert len(mock.requests(provider.keys["bad"])) < 25
    bad = lane(gateway, provider, "bad")
    assert bad["multiplier"] <= 0.5
    assert "faults" in bad["why"]
    assert lane(gateway, provider, "good")["multiplier"] >= 1.0


def test_a_refused_key_is_out_until_it_is_changed(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url, keys=("old", "other"))
    mock.script(provider.keys["old"], status=401)
    keys_of([ask(gateway, chat(provider.model())) for _ in range(30)])
    assert len(mock.requests(provider.keys["old"])) == 1, "once was enough"
    refused = lane(gateway, provider, "old")
    assert (refused["state"], refused["last_error"]) == ("key refused", "upstream_key_refused")
    gateway.call("PATCH", f"keys/{provider.key_ids['old']}", value="a-new-value-of-this-key-0123456789")
    assert keys_of([ask(gateway, chat(provider.model())) for _ in range(60)])["old"] > 0


def test_a_pinned_request_that_is_answered_brings_a_refused_key_back(
    gateway: Gateway, mock: Mock, routing: Routing
) -> None:
    provider = routing.provider(mock.url, keys=("paid", "other"))
    mock.script(provider.keys["paid"], status=402)
    keys_of([ask(gateway, chat(provider.model())) for _ in range(20)])
    assert lane(gateway, provider, "paid")["state"] == "key refused"
    mock.script(provider.keys["paid"])
    pinned = ask(gateway, chat(provider.model()), **{"x-gateway-key": "paid"})
    assert pinned.status_code == 200
    assert lane(gateway, provider, "paid")["state"] == "ready"


@pytest.mark.kind("no_lane_ready")
def test_all_were_told_to_wait(gateway: Gateway, upstream: Upstream, routing: Routing) -> None:
    upstream.script = status(429, b'{"error":{"message":"slow down"}}', [("retry-after", "30")])
    provider = routing.provider(upstream.url, keys=("one", "two"))
    first = ask(gateway, chat(provider.model()))
    assert (first.status_code, first.headers["x-gateway-attempts"]) == (429, "2")
    assert first.json()["error"]["message"] == "slow down"
    second = ask(gateway, chat(provider.model()))
    assert (second.status_code, second.json()["error"]["code"]) == (503, "no_lane_ready")
    assert 25 <= int(second.headers["retry-after"]) <= 30
    assert len(upstream.requests) == 2, "nobody was asked"
    row = gateway.row(second.headers["x-gateway-request-id"])
    assert (row["error"], row["attempts"]) == ("no_lane_ready", [])
    cooling = lane(gateway, provider, "one")
    assert (cooling["state"], cooling["multiplier"]) == ("cooling", 0.0)
    assert 20_000 < cooling["cooldown_ms"] <= 30_000


def test_a_failure_is_told_where_the_others_must_wait(
    gateway: Gateway, mock: Mock, upstream: Upstream, routing: Routing
) -> None:
    upstream.script = status(429, b"{}", [("retry-after", "30")])
    waiting, failing = routing.provider(upstream.url), routing.provider(mock.url)
    alias = routing.alias(waiting.model(), failing.model())
    assert ask(gateway, chat(alias)).status_code == 200
    mock.script(failing.keys["main"], status=500)
    answer = ask(gateway, chat(alias))
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (500, "1")
    assert answer.json()["error"]["type"] != "gateway_error", "the provider's own words"
    assert len(upstream.requests) == 1


def test_the_only_lane_is_always_asked(gateway: Gateway, upstream: Upstream, routing: Routing) -> None:
    upstream.script = status(429, b"{}", [("retry-after", "30")])
    provider = routing.provider(upstream.url)
    assert [ask(gateway, chat(provider.model())).status_code for _ in range(3)] == [429] * 3
    assert len(upstream.requests) == 3


def test_a_lane_without_company_or_requests_has_its_worth(
    gateway: Gateway, mock: Mock, routing: Routing
) -> None:
    alone, unused = routing.provider(mock.url), routing.provider(mock.url)
    routing.alias(unused.model())
    assert ask(gateway, chat(alone.model())).status_code == 200
    for provider in (alone, unused):
        (lane,) = gateway.lanes(provider.name)
        assert (lane["state"], lane["share"]) == ("ready", 1.0)
        assert lane["multiplier"] >= 1.0


@pytest.mark.parametrize(
    ("code", "body", "kind", "again"),
    [
        (429, {"code": "insufficient_quota"}, "upstream_key_refused", True),
        (400, {"code": "API_KEY_INVALID"}, "upstream_key_refused", True),
        (400, {"code": "content_filter"}, "upstream_filtered", False),
        (400, {"code": "context_length_exceeded"}, "upstream_rejected", False),
        (409, {}, "upstream_status", True),
    ],
)
@pytest.mark.kind("upstream_filtered", "upstream_key_refused")
def test_the_body_says_whose_failure_it_is(
    gateway: Gateway,
    mock: Mock,
    upstream: Upstream,
    routing: Routing,
    code: int,
    body: dict[str, str],
    kind: str,
    again: bool,
) -> None:
    upstream.script = status(code, json.dumps({"error": {"message": "no", **body}}).encode())
    first, second = routing.provider(upstream.url), routing.provider(mock.url)
    answer = ask(gateway, chat(routing.alias(first.model(), second.model())))
    assert answer.status_code == (200 if again else code)
    tried = gateway.row(answer.headers["x-gateway-request-id"])["attempts"]
    assert [attempt["error"] for attempt in tried] == ([kind, None] if again else [kind])
    (seen,) = gateway.lanes(first.name)
    assert (seen["failures"], seen["successes"]) == ((1, 0) if again else (0, 1))


def test_an_error_event_about_the_request_is_relayed(
    gateway: Gateway, mock: Mock, upstream: Upstream, routing: Routing
) -> None:
    refused = b'data: {"error":{"message":"too long","type":"invalid_request_error"}}\n\n'
    upstream.script = sse(ROLE, refused)
    first, second = routing.provider(upstream.url), routing.provider(mock.url)
    answer = ask(gateway, chat(routing.alias(first.model(), second.model()), stream=True))
    assert (answer.content, answer.headers["x-gateway-attempts"]) == (ROLE + refused, "1")
    (seen,) = gateway.lanes(first.name)
    assert seen["failures"] == 0


def test_a_session_stays_on_its_lane_and_sessions_spread(
    gateway: Gateway, mock: Mock, routing: Routing
) -> None:
    provider = routing.provider(mock.url, keys=("a", "b", "c"))
    body = chat(provider.model())
    homes = {}
    for session in map(str, range(12)):
        answers = [ask(gateway, body, **{"x-gateway-session": session}) for _ in range(5)]
        (homes[session],) = keys_of(answers)
    assert len(set(homes.values())) > 1
    long = chat(provider.model(), messages=[{"role": "system", "content": "Be brief. " * 500}])
    assert len(keys_of([ask(gateway, long) for _ in range(8)])) == 1, "its prompt is worth caching"
    row = gateway.row(ask(gateway, long).headers["x-gateway-request-id"])
    assert row["attempts"][0]["reason"] == "affinity"


def test_the_log_says_why(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url, keys=("a", "b", "c"))
    down = routing.provider(mock.url)
    mock.script(down.keys["main"], status=503)
    answer = ask(gateway, chat(routing.alias(down.model(), provider.model())))
    first, second = gateway.row(answer.headers["x-gateway-request-id"])["attempts"]
    assert (first["provider"], first["error"], first["class"]) == (down.name, "upstream_status", "lane")
    assert (first["reason"], second["reason"]) == ("drawn", "fallback")
    assert second["lanes"] == 4
    assert {one["provider"] for one in second["considered"]} == {down.name, provider.name}
    chosen = second["considered"][0]
    assert (chosen["provider"], chosen["key"]) == (second["provider"], second["key"])
    assert chosen["state"] == "ready"
    failed = next(one for one in second["considered"] if one["provider"] == down.name)
    assert failed["success"] == 0.0
    alone = ask(gateway, chat(down.model("lonely")))
    (attempt,) = gateway.row(alone.headers["x-gateway-request-id"])["attempts"]
    assert (attempt["reason"], attempt["considered"]) == (None, []), "there was no choice"


def test_an_outage_is_not_multiplied(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url, keys=("a", "b", "c"))
    for key in provider.keys.values():
        mock.script(key, status=500)
    answers = [ask(gateway, chat(provider.model())) for _ in range(120)]
    assert {answer.status_code for answer in answers} == {500}
    sent = sum(len(mock.requests(key)) for key in provider.keys.values())
    assert 120 <= sent < 120 * 1.2 + 50, "three times as many without a budget"


@pytest.mark.parametrize("stream", [False, True])
def test_a_late_lane_is_hedged(
    gateway: Gateway, mock: Mock, upstream: Upstream, routing: Routing, stream: bool
) -> None:
    answer = sse(ROLE, delta("first"), FINISH, DONE) if stream else json_answer(ANSWER)
    upstream.script = answer
    slow, fast = routing.provider(upstream.url), routing.provider(mock.url)
    alias = routing.alias(slow.model(), fast.model(), hedge={"enabled": True, "budget": 1.0})
    body = chat(alias, stream=stream)
    for _ in range(30):
        assert ask(gateway, body).headers["x-gateway-provider"] == slow.name
    assert mock.requests(fast.keys["main"]) == []
    upstream.script = stand_still
    hedged = ask(gateway, body)
    assert (hedged.status_code, hedged.headers["x-gateway-provider"]) == (200, fast.name)
    lost, won = gateway.row(hedged.headers["x-gateway-request-id"])["attempts"]
    assert (lost["provider"], lost["lost"], lost["error"]) == (slow.name, True, None)
    assert (won["provider"], won["hedge"]) == (fast.name, True)
    (late,) = gateway.lanes(slow.name)
    assert (late["cancelled"], late["failures"], late["in_flight"]) == (1, 0, 0), "nobody's failure"


def test_no_second_lane_without_the_setting(
    gateway: Gateway, mock: Mock, upstream: Upstream, routing: Routing
) -> None:
    upstream.script = json_answer(ANSWER)
    slow, fast = routing.provider(upstream.url), routing.provider(mock.url)
    body = chat(routing.alias(slow.model(), fast.model()))
    for _ in range(30):
        ask(gateway, body)
    upstream.script = stand_still
    late = ask(gateway, body, **{"x-gateway-timeout-ms": "400"})
    assert (late.status_code, late.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert mock.requests(fast.keys["main"]) == []


def test_a_hedge_that_fails_leaves_the_first_one_alone(
    gateway: Gateway, mock: Mock, upstream: Upstream, routing: Routing
) -> None:
    upstream.script = json_answer(ANSWER)
    slow, bad = routing.provider(upstream.url), routing.provider(mock.url)
    alias = routing.alias(slow.model(), bad.model(), hedge={"enabled": True, "budget": 1.0})
    for _ in range(30):
        ask(gateway, chat(alias))
    mock.script(bad.keys["main"], status=500)

    def late(exchange: Exchange) -> None:
        mock.wait_for(bad.keys["main"])
        json_answer(ANSWER)(exchange)

    upstream.script = late
    answer = ask(gateway, chat(alias))
    assert (answer.status_code, answer.headers["x-gateway-provider"]) == (200, slow.name)
    row = gateway.row(answer.headers["x-gateway-request-id"])
    assert (row["provider"], row["outcome"]) == (slow.name, "ok")
    assert {one["provider"]: one["hedge"] for one in row["attempts"]} == {slow.name: False, bad.name: True}
