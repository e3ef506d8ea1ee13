"""When an answer becomes the client's.

At its first content; at its first event where nothing else is left to try; a second after the first event.
"""

from __future__ import annotations

import threading

from harness.chat import CHAT, DONE, FINISH, ROLE, chat, delta, event
from harness.gateway import Gateway
from harness.routing import Routing
from harness.upstream import Exchange, Upstream, chunk, sse, stream_head
from harness.wire import End, Wire

PATIENCE_S = 20.0


class Gated:
    """A stream that goes on when the test says so: what the client has seen before that, it saw in time."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = parts
        self.steps = [threading.Event() for _ in parts[1:]]

    def __call__(self, exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(self._parts[0]))
        for part, step in zip(self._parts[1:], self.steps, strict=True):
            assert step.wait(PATIENCE_S)
            exchange.send(chunk(part))
        exchange.send(b"0\r\n\r\n")


def test_with_one_lane_the_first_event_is_not_held_back(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    script = Gated(ROLE, delta("a"), FINISH + DONE)
    upstream.script = script
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(routing.provider(upstream.url).model(), stream=True))
        assert wire.open()[0] == 200
        pieces = wire.pieces()
        assert next(pieces) == ROLE
        script.steps[0].set()
        assert next(pieces) == delta("a")
        script.steps[1].set()
        assert b"".join(pieces) == FINISH + DONE


def test_a_comment_is_an_event_too(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    script = Gated(b": keep-alive\n\n", delta("a") + FINISH + DONE)
    upstream.script = script
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(routing.provider(upstream.url).model(), stream=True))
        wire.open()
        pieces = wire.pieces()
        assert next(pieces) == b": keep-alive\n\n"
        script.steps[0].set()
        assert b"".join(pieces) == delta("a") + FINISH + DONE


def test_with_another_lane_an_empty_event_is_held_until_content(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """The provider fails between its first event and its content, and nobody sees that."""
    failing = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(ROLE))
        assert failing.wait(PATIENCE_S)
        exchange.close()

    upstream.queue = [script]
    upstream.script = sse(ROLE, delta("b"), FINISH, DONE)
    first, second = routing.provider(upstream.url), routing.provider(upstream.url)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(routing.alias(first.model(), second.model()), stream=True))
        failing.set()
        answer = wire.answer()
    assert answer.header("x-gateway-provider") == second.name
    assert answer.body == ROLE + delta("b") + FINISH + DONE


def test_content_commits_at_once_though_another_lane_is_left(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    script = Gated(ROLE + delta("a"), FINISH + DONE)
    upstream.script = script
    first, second = routing.provider(upstream.url), routing.provider(upstream.url)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(routing.alias(first.model(), second.model()), stream=True))
        wire.open()
        pieces = wire.pieces()
        assert next(pieces) == ROLE + delta("a")
        script.steps[0].set()
        assert b"".join(pieces) == FINISH + DONE
    assert len(upstream.requests) == 1


def test_patience_with_an_empty_event_ends_after_a_second(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """The upstream goes on only when the client has its first event, which no content had committed."""
    script = Gated(ROLE, delta("a") + FINISH + DONE)
    upstream.script = script
    first, second = routing.provider(upstream.url), routing.provider(upstream.url)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(routing.alias(first.model(), second.model()), stream=True))
        wire.open()
        pieces = wire.pieces()
        assert next(pieces) == ROLE
        script.steps[0].set()
        assert b"".join(pieces) == delta("a") + FINISH + DONE
    assert len(upstream.requests) == 1


def test_every_kind_of_content_commits(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    """Text, a tool call, reasoning, a refusal: cut behind each of them, the second lane is not asked."""
    first, second = routing.provider(upstream.url), routing.provider(upstream.url)
    alias = routing.alias(first.model(), second.model())
    for said in (
        {"content": "a"},
        {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]},
        {"reasoning_content": "hm"},
        {"refusal": "no"},
    ):
        spoken = event({"choices": [{"index": 0, "delta": said}]})
        upstream.queue = [sse(ROLE, spoken, end=False)]
        before = len(upstream.requests)
        with Wire(gateway.port) as wire:
            wire.post(CHAT, chat(alias, stream=True))
            answer = wire.answer()
        assert answer.body.startswith(ROLE + spoken)
        assert (answer.end, len(upstream.requests) - before) == (End.CUT, 1), said


def test_a_large_json_answer_commits_at_the_cap(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """More than is held begins to flow; a break after that cannot be hidden and is not."""

    def script(exchange: Exchange) -> None:
        body = b'{"data":"' + b"x" * 1_200_000
        exchange.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2000000\r\n\r\n" + body
        )
        exchange.close()

    upstream.script = script
    first, second = routing.provider(upstream.url), routing.provider(upstream.url)
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(routing.alias(first.model(), second.model())))
        answer = wire.answer()
    assert (answer.status, answer.end, len(answer.body)) == (200, End.CUT, 1_200_009)
    assert len(upstream.requests) == 1
