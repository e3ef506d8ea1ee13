"""A client that leaves, and one that does not read: the provider feels both."""

from __future__ import annotations

import threading

import pytest

from harness.chat import ANSWER, CHAT, chat, delta
from harness.gateway import Gateway, until
from harness.mock import Mock
from harness.routing import Routing
from harness.upstream import Exchange, Upstream, chunk, json_answer, stream_head
from harness.wire import Wire


@pytest.mark.kind("client_closed")
def test_a_client_that_leaves_a_stream_cancels_the_provider(
    gateway: Gateway, mock: Mock, routing: Routing
) -> None:
    provider = routing.provider(mock.url)
    mock.script(provider.keys["main"], chunks=100_000, chunk_ms=20)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(provider.model(), stream=True))
        _, headers = wire.open()
        wire.read_until(b'"content":"')
    assert mock.wait_until_left(provider.keys["main"])["finished"] is False
    row = gateway.row(dict(headers)["x-gateway-request-id"])
    assert (row["outcome"], row["error"], row["status"]) == ("cancelled", "client_closed", 200)
    assert row["latency"]["ttft_ms"] is not None
    (lane,) = gateway.lanes(provider.name)
    assert (lane["cancelled"], lane["failures"], lane["in_flight"]) == (1, 0, 0)


@pytest.mark.kind("client_closed")
@pytest.mark.parametrize("abruptly", [False, True], ids=["in order", "by reset"])
def test_a_client_that_leaves_before_the_answer_cancels_the_provider(
    gateway: Gateway, mock: Mock, routing: Routing, abruptly: bool
) -> None:
    provider = routing.provider(mock.url)
    mock.script(provider.keys["main"], hang=True)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(provider.model()), [("x-request-id", f"leaver-{provider.name}")])
        mock.wait_for(provider.keys["main"])
        if abruptly:
            wire.reset()
    mock.wait_until_left(provider.keys["main"])
    row = gateway.row(f"leaver-{provider.name}")
    assert (row["outcome"], row["error"], row["status"]) == ("cancelled", "client_closed", 499)
    if gateway.door.is_compiled:
        assert row["provider"] == provider.name
        told = [(entry["provider"], entry["key"], entry["error"]) for entry in row["attempts"]]
        assert told == [(provider.name, "main", "client_closed")]


def test_a_client_that_leaves_is_not_failed_over(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    slow, other = routing.provider(mock.url), routing.provider(mock.url)
    mock.script(slow.keys["main"], hang=True)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(routing.alias(slow.model(), other.model())))
        mock.wait_for(slow.keys["main"])
    mock.wait_until_left(slow.keys["main"])
    assert mock.requests(other.keys["main"]) == []


def test_a_client_that_leaves_in_its_body_reaches_no_provider(
    gateway: Gateway, mock: Mock, routing: Routing
) -> None:
    provider = routing.provider(mock.url)
    with Wire(gateway.port) as wire:
        headers = [("Content-Type", "application/json"), ("Content-Length", "1000")]
        wire.head("POST", CHAT, [*headers, ("x-request-id", f"half-{provider.name}")])
        wire.write(chat(provider.model()))
    row = gateway.row(f"half-{provider.name}")
    assert (row["attempts"], row["outcome"] in ("cancelled", "error")) == ([], True)
    assert mock.requests(provider.keys["main"]) == []


def test_a_client_that_leaves_at_once_is_in_the_log(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    """Whether it is gone before the gateway looks at its body, or while, is a race: both have a row."""
    provider = routing.provider(mock.url)
    ids = [f"gone-{number}-{provider.name}" for number in range(12)]
    for number, request_id in enumerate(ids):
        with Wire(gateway.port) as wire:
            headers = [("Content-Type", "application/json"), ("Content-Length", "1000")]
            wire.head("POST", CHAT, [*headers, ("x-request-id", request_id)])
            if number % 2:
                wire.write(chat(provider.model()))
    for request_id in ids:
        assert gateway.row(request_id)["outcome"] in ("cancelled", "error")
    assert mock.requests(provider.keys["main"]) == []


def test_a_client_that_does_not_read_holds_the_provider_back(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """The stream is far larger than all buffers on the way, so the gateway must stop reading it."""
    piece = chunk(delta("x" * 60_000))
    pieces = 4_000  # 240 MB
    sent, stalled, ended = [0], threading.Event(), threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.connection.settimeout(1.0)
        exchange.send(stream_head())
        try:
            for _ in range(pieces):
                exchange.connection.sendall(piece)
                sent[0] += 1
        except TimeoutError:
            stalled.set()
            ended.wait(20)
        exchange.close()

    upstream.script = script
    before = gateway.rss()
    with Wire(gateway.port, receive_buffer=16_384) as wire:
        wire.post(CHAT, chat(routing.provider(upstream.url).model(), stream=True))
        wire.open()
        assert stalled.wait(60), "the upstream was never held back"
        assert sent[0] < pieces
        assert gateway.rss() - before < 60 << 20
        ended.set()


def test_a_slow_reader_gets_everything(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    body = b'{"data":"' + b"x" * 30_000_000 + b'"}'
    upstream.script = json_answer(body)
    before = gateway.rss()
    with Wire(gateway.port, receive_buffer=65_536) as wire:
        wire.post(CHAT, chat(routing.provider(upstream.url).model()))
        assert wire.open()[0] == 200
        length, highest = 0, 0
        for piece in wire.pieces():
            length += len(piece)
            if length % 64 == 0:
                highest = max(highest, gateway.rss())
    assert length == len(body)
    assert highest - before < 25 << 20, "a relayed answer is not collected"


def test_nothing_stays_in_flight(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    """Many clients leave at once; no request and no connection remains."""
    provider = routing.provider(mock.url)
    mock.script(provider.keys["main"], hang=True)
    wires = [Wire(gateway.port) for _ in range(20)]
    for wire in wires:
        wire.post(CHAT, chat(provider.model(), stream=True))
    mock.wait_for(provider.keys["main"], 20)
    for wire in wires:
        wire.close()

    def idle() -> bool:
        return gateway.call("GET", "status")["engine"]["in_flight"] == 0

    until(idle, "no request in flight")
    until(
        lambda: all(row["client_left"] for row in mock.requests(provider.keys["main"])), "all upstreams left"
    )


def test_pipelined_requests_are_answered_in_order(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    with Wire(gateway.port) as wire:
        for name in ("one", "two", "three"):
            wire.post(CHAT, chat(provider.model(name)))
        answers = [wire.answer() for _ in range(3)]
    assert [answer.header("x-gateway-model") for answer in answers] == ["one", "two", "three"]
    assert all(answer.body == ANSWER for answer in answers)


@pytest.mark.doors("native")
@pytest.mark.parametrize("size", [10, 5_000])
def test_a_client_that_is_gone_when_its_request_is_read_has_a_row(
    gateway: Gateway, mock: Mock, routing: Routing, size: int
) -> None:
    """One in a hundred had none: its connection ended before its answer was looked at."""
    provider = routing.provider(mock.url)
    tag = f"gone={provider.name}"
    for _ in range(300):
        with Wire(gateway.port) as wire:
            wire.post(CHAT, chat(provider.model(), note="x" * size), [("x-gateway-tags", tag)])

    def rows() -> list[str] | None:
        items = gateway.call("GET", f"logs?tag={tag}&limit=500")["items"]
        return [item["outcome"] for item in items] if len(items) >= 300 else None

    outcomes = until(rows, "a row of every request")
    assert len(outcomes) == 300
    assert set(outcomes) <= {"cancelled", "ok"}
