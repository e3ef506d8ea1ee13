"""Connections to providers: kept, and replaced once when they turn out to be closed.

Never a reason to send twice what may be sent once.
"""

from __future__ import annotations

import pytest

from harness.chat import ANSWER, CHAT, DONE, FINISH, chat, delta
from harness.doors import Door
from harness.gateway import Gateway
from harness.routing import Routing
from harness.upstream import Exchange, Upstream, json_answer, raw, sse

WARM_UP = 24
"""More requests in a row than a gateway has engine threads, so that each thread has a connection."""


def close_unanswered(exchange: Exchange) -> None:
    exchange.close()


def warm(gateway: Gateway, model: str) -> None:
    for _ in range(WARM_UP):
        assert gateway.http.post(CHAT, content=chat(model)).status_code == 200


def test_connections_are_kept(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = json_answer(ANSWER)
    warm(gateway, routing.provider(upstream.url).model())
    assert len(upstream.requests) == WARM_UP
    assert upstream.connections < WARM_UP / 2


def test_a_connection_is_kept_behind_a_stream(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = sse(delta("a"), FINISH, DONE)
    model = routing.provider(upstream.url).model()
    for _ in range(WARM_UP):
        assert gateway.http.post(CHAT, content=chat(model, stream=True)).content.endswith(DONE)
    assert upstream.connections < WARM_UP / 2


def test_connections_that_the_provider_closed_meanwhile_cost_nothing(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    warm(gateway, provider.model())
    upstream.hang_up()
    for _ in range(4):
        answer = gateway.http.post(CHAT, content=chat(provider.model()))
        assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (200, "1")


def test_a_kept_connection_that_dies_on_the_request_is_replaced_without_counting(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """No second attempt in the log, no failure of the lane."""
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    warm(gateway, provider.model())
    connections = upstream.connections
    upstream.queue = [close_unanswered]
    answer = gateway.http.post(CHAT, content=chat(provider.model()))
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (200, "1")
    assert upstream.queue == [], "the request had arrived once before"
    assert upstream.connections == connections + 1
    assert gateway.lanes(provider.name)[0]["failures"] == 0
    row = gateway.row(answer.headers["x-gateway-request-id"])
    assert (len(row["attempts"]), row["outcome"]) == (1, "ok")


def test_it_is_replaced_once_and_not_for_ever(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    warm(gateway, provider.model())
    arrived = len(upstream.requests)
    upstream.script = close_unanswered
    answer = gateway.http.post(CHAT, content=chat(provider.model()))
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_reset")
    assert len(upstream.requests) - arrived == 2


def test_half_an_answer_is_no_stale_connection(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """Once a byte of the answer was here, the lane has failed."""
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    warm(gateway, provider.model())
    arrived = len(upstream.requests)
    upstream.script = raw(b"HTTP/1.1 200 OK\r\ncontent-le", close=True)
    answer = gateway.http.post(CHAT, content=chat(provider.model()))
    assert answer.status_code == 502
    assert len(upstream.requests) - arrived == 1


@pytest.mark.compiled
@pytest.mark.parametrize("path", ["files", "realtime/sessions", "audio/transcriptions", "fine_tuning/jobs"])
def test_what_is_no_inference_is_never_sent_twice(
    gateway: Gateway, routing: Routing, upstream: Upstream, path: str
) -> None:
    """Neither on the same lane nor on another: its bytes had left."""
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url, keys=["a", "b"])
    warm(gateway, provider.model())
    arrived = len(upstream.requests)
    upstream.script = close_unanswered
    headers = {"x-gateway-provider": provider.name, "content-type": "multipart/form-data; boundary=b"}
    answer = gateway.http.post(f"/v1/{path}", content=b"--b--\r\n", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_reset")
    assert len(upstream.requests) - arrived == 1


@pytest.mark.compiled
@pytest.mark.parametrize("code", [500, 429, 503])
def test_a_failing_status_of_what_is_no_inference_is_relayed(
    gateway: Gateway, routing: Routing, upstream: Upstream, code: int
) -> None:
    upstream.script = raw(b"HTTP/1.1 %d No\r\ncontent-length: 2\r\nretry-after: 9\r\n\r\n{}" % code)
    provider = routing.provider(upstream.url, keys=["a", "b"])
    answer = gateway.http.post("/v1/images/generations", json={"model": provider.model(), "prompt": "x"})
    assert (answer.status_code, answer.content, answer.headers["retry-after"]) == (code, b"{}", "9")
    assert (len(upstream.requests), answer.headers["x-gateway-attempts"]) == (1, "1")
    assert "x-should-retry" not in answer.headers


@pytest.mark.compiled
def test_a_get_on_a_connection_that_dies_is_asked_again(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """A GET has no bytes that could do something twice."""
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    warm(gateway, provider.model())
    upstream.queue = [close_unanswered]
    answer = gateway.http.get("/v1/files", headers={"x-gateway-provider": provider.name})
    assert (answer.status_code, answer.content) == (200, ANSWER)


def test_the_next_requests_find_their_way_when_a_provider_moves(
    gateway: Gateway, routing: Routing, upstream: Upstream, door: Door
) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    warm(gateway, provider.model())
    with Upstream(script=json_answer(b'{"moved":true}')) as other:
        gateway.call("PATCH", f"providers/{provider.name}", base_url=other.url)
        assert gateway.http.post(CHAT, content=chat(provider.model())).content == b'{"moved":true}', door
