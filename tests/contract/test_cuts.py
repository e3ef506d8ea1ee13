"""A stream that broke is never shown as one that finished: an error event, no terminator, an abnormal end."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import pytest

from harness.chat import CHAT, DONE, FINISH, ROLE, chat, delta, event
from harness.doors import Door
from harness.gateway import Gateway, until
from harness.mock import Mock
from harness.routing import Declared, Routing
from harness.upstream import Exchange, Script, Upstream, chunk, raw, sse, stream_head
from harness.wire import Answer, End, Wire

RESPONSES = "/openai/v1/responses"


def stream(gateway: Gateway, model: str, path: str = CHAT, *headers: tuple[str, str]) -> Answer:
    with Wire(gateway.port) as wire:
        wire.post(path, chat(model, stream=True), headers)
        answer = wire.answer()
        if answer.end is End.CUT:
            assert wire.at_end(), "the connection must end with the answer"
    return answer


def read_error(tail: bytes) -> dict[str, Any]:
    """The one error event that a tail is."""
    assert tail.startswith(b"data: ")
    assert tail.endswith(b"\n\n")
    document = json.loads(tail[len(b"data: ") :])
    assert set(document) == {"error"}
    assert set(document["error"]) == {"message", "type", "code", "param"}
    return dict(document["error"])


CUTS: dict[str, tuple[list[bytes], bytes]] = {
    "between events": ([ROLE, delta("a")], ROLE + delta("a")),
    "inside an event": ([ROLE, delta("a"), delta("lost")[:-9]], ROLE + delta("a")),
    "before the blank line's end": ([ROLE, delta("a"), delta("lost")[:-1]], ROLE + delta("a")),
    "inside the terminator": ([ROLE, delta("a"), b"data: [DO"], ROLE + delta("a")),
    "inside a carriage return": (
        [(ROLE + delta("a")).replace(b"\n", b"\r\n"), b"data: x\r\n"],
        (ROLE + delta("a")).replace(b"\n", b"\r\n"),
    ),
}


@pytest.mark.kind("upstream_cut")
@pytest.mark.parametrize(("parts", "whole"), CUTS.values(), ids=CUTS.keys())
def test_a_cut_drops_the_tail_and_says_so(
    gateway: Gateway, routing: Routing, upstream: Upstream, parts: list[bytes], whole: bytes
) -> None:
    upstream.script = sse(*parts, end=False)
    provider = routing.provider(upstream.url)
    answer = stream(gateway, provider.model())
    assert answer.status == 200
    assert answer.body.startswith(whole)
    error = read_error(answer.body[len(whole) :])
    assert (error["code"], error["type"], error["param"]) == ("upstream_cut", "gateway_error", None)
    assert b"[DONE]" not in answer.body
    assert answer.end is End.CUT
    (lane,) = gateway.lanes(provider.name)
    assert (lane["failures"], lane["last_error"], lane["in_flight"]) == (1, "upstream_cut", 0)


def test_a_cut_by_reset_is_a_cut(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(delta("a")))
        assert exchange.request.method == "POST"
        seen.wait(20)
        exchange.reset()

    seen = threading.Event()
    upstream.script = script
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(routing.provider(upstream.url).model(), stream=True))
        wire.open()
        pieces = wire.pieces()
        assert next(pieces) == delta("a")
        seen.set()
        assert read_error(b"".join(pieces))["code"] == "upstream_cut"
        assert wire.end is End.CUT


def test_a_stream_that_ends_in_order_before_its_answer_did_is_a_cut(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """The transport says that all is well; the stream never said that the answer was complete."""
    upstream.script = sse(ROLE, delta("a"))
    answer = stream(gateway, routing.provider(upstream.url).model())
    assert answer.body.startswith(ROLE + delta("a"))
    assert read_error(answer.body[len(ROLE + delta("a")) :])["code"] == "upstream_cut"
    assert answer.end is End.CUT


def test_a_finish_reason_completes_a_stream_and_nothing_is_invented(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.script = sse(ROLE, delta("a"), FINISH)
    answer = stream(gateway, routing.provider(upstream.url).model())
    assert (answer.body, answer.end) == (ROLE + delta("a") + FINISH, End.WHOLE)
    row = gateway.row(str(answer.header("x-gateway-request-id")))
    assert (row["outcome"], row["finish_reason"]) == ("ok", "stop")


def test_the_terminator_completes_a_stream_without_a_finish_reason(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.script = sse(ROLE, delta("a"), DONE)
    answer = stream(gateway, routing.provider(upstream.url).model())
    assert (answer.body, answer.end) == (ROLE + delta("a") + DONE, End.WHOLE)


def test_a_complete_stream_stays_complete_whatever_the_connection_does(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """Without chunks or a length the connection's end is the stream's end."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    upstream.script = raw(head + ROLE + delta("a") + FINISH + DONE, close=True)
    answer = stream(gateway, routing.provider(upstream.url).model())
    assert (answer.body, answer.end) == (ROLE + delta("a") + FINISH + DONE, End.WHOLE)


@pytest.mark.kind("upstream_error_event")
def test_an_error_of_the_provider_is_relayed_and_nothing_added(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    error = event({"error": {"message": "overloaded", "type": "server_error", "code": None}})
    upstream.script = sse(ROLE, delta("a"), error)
    answer = stream(gateway, routing.provider(upstream.url).model())
    assert (answer.body, answer.end) == (ROLE + delta("a") + error, End.WHOLE)
    row = gateway.row(str(answer.header("x-gateway-request-id")))
    assert (row["outcome"], row["error"]) == ("error", "upstream_error_event")


def test_with_one_lane_an_error_at_once_is_relayed_too(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    error = event({"error": {"message": "overloaded"}})
    upstream.script = sse(error)
    answer = stream(gateway, routing.provider(upstream.url).model())
    assert (answer.status, answer.body, answer.end) == (200, error, End.WHOLE)


@pytest.mark.parametrize("more", [b"", b"y" * 10_000], ids=["at the limit", "beyond it"])
def test_where_the_tail_had_flowed_only_the_end_is_abnormal(
    gateway: Gateway, routing: Routing, upstream: Upstream, more: bytes
) -> None:
    """Nothing readable can follow half an event that the client has."""
    tail = b'data: {"choices":[{"delta":{"content":"' + b"x" * 66_000 + more
    upstream.script = sse(delta("a"), tail, end=False)
    answer = stream(gateway, routing.provider(upstream.url).model())
    assert answer.body == delta("a") + tail
    assert answer.end is End.CUT


def test_a_tail_within_the_limit_is_dropped(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    tail = b'data: {"choices":[{"delta":{"content":"' + b"x" * 60_000
    upstream.script = sse(delta("a"), tail, end=False)
    answer = stream(gateway, routing.provider(upstream.url).model())
    assert read_error(answer.body.removeprefix(delta("a")))["code"] == "upstream_cut"


@pytest.mark.compiled
def test_responses_say_it_in_their_own_form(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    begun = (
        b'event: response.created\ndata: {"type":"response.created","response":{"status":"in_progress"}}\n\n'
    )
    text = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"a"}\n\n'
    upstream.script = sse(begun, text, b"event: response.comp", end=False)
    answer = stream(gateway, routing.provider(upstream.url).model(), RESPONSES)
    assert answer.body.startswith(begun + text)
    name, data = answer.body[len(begun + text) :].rstrip(b"\n").split(b"\n")
    assert name == b"event: error"
    document = json.loads(data.removeprefix(b"data: "))
    assert (document["type"], document["code"], document["param"]) == ("error", "upstream_cut", None)
    assert answer.end is End.CUT


@pytest.mark.compiled
def test_a_whole_response_stream_is_whole(gateway: Gateway, routing: Routing, mock: Mock) -> None:
    provider = routing.provider(mock.url)
    with Wire(gateway.port) as wire:
        wire.post(
            RESPONSES, json.dumps({"model": provider.model("echo"), "input": "hi", "stream": True}).encode()
        )
        answer = wire.answer()
    assert b"event: response.completed" in answer.body
    assert (answer.end, b"event: error" in answer.body) == (End.WHOLE, False)
    row = gateway.row(str(answer.header("x-gateway-request-id")))
    assert (row["operation"], row["outcome"], row["finish_reason"]) == ("responses", "ok", "completed")
    assert row["tokens"]["output"] > 0


@pytest.mark.kind("upstream_timeout")
def test_a_stream_that_stands_still_is_cut(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(delta("a")))
        left.append(exchange.wait_until_left())
        exchange.close()

    left: list[bool] = []
    upstream.script = script
    answer = stream(gateway, routing.provider(upstream.url, timeouts={"idle": "300ms"}).model())
    assert read_error(answer.body.removeprefix(delta("a")))["code"] == "upstream_timeout"
    assert answer.end is End.CUT
    assert until(lambda: left, "the end at the provider") == [True], "the upstream was cancelled"


@pytest.mark.kind("deadline_exceeded")
def test_the_clients_own_timeout_covers_a_stream_to_its_end(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    def script(exchange: Exchange) -> None:
        exchange.send(stream_head())
        while not exchange.wait_until_left(0.05):
            exchange.send(chunk(delta("a")))
        exchange.close()

    upstream.script = script
    answer = stream(gateway, routing.provider(upstream.url).model(), CHAT, ("x-gateway-timeout-ms", "500"))
    body, _, tail = answer.body.rpartition(delta("a"))
    assert read_error(tail)["code"] == "deadline_exceeded"
    assert delta("a") in body + delta("a")
    assert answer.end is End.CUT


def test_a_configured_deadline_ends_with_the_commit(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """A stream may run on behind it."""

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(delta("a")))
        assert not exchange.wait_until_left(1.0)
        exchange.send(chunk(FINISH + DONE) + b"0\r\n\r\n")

    upstream.script = script
    answer = stream(gateway, routing.provider(upstream.url, timeouts={"deadline": "400ms"}).model())
    assert (answer.body, answer.end) == (delta("a") + FINISH + DONE, End.WHOLE)


def test_the_mocks_cut_is_seen_by_every_door(
    gateway: Gateway, mock: Mock, routing: Routing, door: Door
) -> None:
    provider: Declared = routing.provider(mock.url)
    mock.script(provider.keys["main"], cut_after=3, chunk_ms=1)
    answer = stream(gateway, provider.model())
    assert answer.end is End.CUT
    assert b"upstream_cut" in answer.body
    row = gateway.row(str(answer.header("x-gateway-request-id")))
    assert (row["door"], row["outcome"], row["error"], row["status"]) == (
        door.label,
        "cut",
        "upstream_cut",
        200,
    )
    assert row["attempts"][0]["error"] == "upstream_cut"


def test_a_gateway_lives_on_behind_a_cut(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    script: Script = sse(delta("a"), end=False)
    upstream.queue = [script, script, sse(delta("b"), FINISH, DONE)]
    model = routing.provider(upstream.url).model()
    assert [stream(gateway, model).end for _ in range(3)] == [End.CUT, End.CUT, End.WHOLE]


def test_half_an_event_at_an_orderly_end_does_not_run_into_the_error(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.script = sse(ROLE, delta("a"), delta("lost")[:-9])
    answer = stream(gateway, routing.provider(upstream.url).model())
    assert answer.body.startswith(ROLE + delta("a"))
    assert read_error(answer.body[len(ROLE + delta("a")) :])["code"] == "upstream_cut"
    assert answer.end is End.CUT


@pytest.mark.doors("native")
def test_a_cut_is_told_to_a_client_that_has_sent_its_next_request_already(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """Closing on what is unread resets the connection, which may take back what the client has not read."""
    release = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(ROLE + delta("a")))
        assert release.wait(20)
        exchange.close()

    upstream.script = script
    model = routing.provider(upstream.url).model()
    body = chat(model, stream=True, note="x" * 200_000)
    request = (
        f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    )
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as client:
        client.sendall(request)
        seen = client.recv(65_536)
        client.sendall(request)
        release.set()
        while part := client.recv(65_536):  # raises where the connection is reset
            seen += part
    assert b"upstream_cut" in seen
    assert not seen.endswith(b"0\r\n\r\n")
