"""Answers that are kept, and calls that several clients share."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from harness.chat import ANSWER, CHAT, DONE, FINISH, ROLE, chat, delta
from harness.gateway import Gateway, until
from harness.mock import Mock
from harness.routing import Routing
from harness.upstream import Exchange, Upstream, json_answer, sse, status, stream_head
from harness.wire import End, Wire

EXACT = {"x-gateway-cache": "exact"}
EMBEDDINGS = "/openai/v1/embeddings"
STREAM = ROLE + delta("hi") + FINISH + DONE


def ask(gateway: Gateway, body: bytes, **headers: str) -> httpx.Response:
    return gateway.http.post(CHAT, content=body, headers={**EXACT, **headers})


def cached(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.headers["x-gateway-cache"]


def test_the_second_of_two_equal_requests_is_answered_from_memory(
    gateway: Gateway, upstream: Upstream, routing: Routing
) -> None:
    upstream.script = json_answer(ANSWER)
    model = routing.provider(upstream.url).model()
    first = ask(gateway, chat(model, temperature=1, seed=7))
    body = b'{ "seed": 7, "temperature": 1.0, "stream": false, "model": "MODEL", "messages" : '
    body += b'[{"content": "h\\u0065llo", "role": "user"}] }'
    second = ask(gateway, body.replace(b"MODEL", model.encode()))
    assert (cached(first), cached(second)) == ("miss", "hit-exact")
    assert second.content == first.content == ANSWER
    assert second.headers["content-type"] == first.headers["content-type"]
    assert int(second.headers["age"]) >= 0
    assert len(upstream.requests) == 1
    assert cached(ask(gateway, chat(model, temperature=1))) == "miss", "another request"
    rows = [gateway.row(answer.headers["x-gateway-request-id"]) for answer in (first, second)]
    assert [row["cache"] for row in rows] == ["miss", "hit-exact"]
    assert (rows[1]["attempts"], rows[1]["status"], rows[1]["outcome"]) == ([], 200, "ok")


def test_a_stream_is_kept_and_comes_back_as_a_stream(
    gateway: Gateway, upstream: Upstream, routing: Routing
) -> None:
    upstream.script = sse(ROLE, delta("hi"), FINISH, DONE)
    body = chat(routing.provider(upstream.url).model(), stream=True)
    first, second = ask(gateway, body), ask(gateway, body)
    assert (cached(first), cached(second)) == ("miss", "hit-exact")
    assert first.content == STREAM
    assert text_of(second.content) == "hi"
    assert second.content.endswith(DONE)
    assert second.headers["content-type"].startswith("text/event-stream")


def test_streams_and_whole_answers_serve_each_other(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    for first, second in ((True, False), (False, True)):
        model = provider.model(f"m{first}")
        asked = [ask(gateway, chat(model, stream=stream)) for stream in (first, second)]
        assert [cached(answer) for answer in asked] == ["miss", "hit-exact"]
        texts = [
            text_of(answer.content) if stream else answer.json()["choices"][0]["message"]["content"]
            for answer, stream in zip(asked, (first, second), strict=True)
        ]
        assert texts[0] == texts[1]


def text_of(stream: bytes) -> str:
    """What a stream says."""
    events = [json.loads(line[6:]) for line in stream.split(b"\n") if line.startswith(b"data: {")]
    deltas = [choice["delta"] for event in events for choice in event["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


def test_nothing_is_kept_unless_it_was_asked_for(
    gateway: Gateway, upstream: Upstream, routing: Routing
) -> None:
    upstream.script = json_answer(ANSWER)
    body = chat(routing.provider(upstream.url).model())
    answers = [gateway.http.post(CHAT, content=body) for _ in range(2)]
    assert [cached(answer) for answer in answers] == ["off", "off"]
    assert len(upstream.requests) == 2


TRUNCATED = ANSWER.replace(b'"stop"', b'"length"')
FILTERED = ANSWER.replace(b'"stop"', b'"content_filter"')
CALLS = ANSWER.replace(b'"stop"', b'"tool_calls"')


@pytest.mark.parametrize("answer", [TRUNCATED, FILTERED, CALLS], ids=["truncated", "filtered", "tool calls"])
def test_an_answer_that_others_should_not_have_is_not_kept(
    gateway: Gateway, upstream: Upstream, routing: Routing, answer: bytes
) -> None:
    upstream.script = json_answer(answer)
    body = chat(routing.provider(upstream.url).model())
    assert [cached(ask(gateway, body)) for _ in range(2)] == ["miss", "miss"]


def test_failures_and_broken_streams_are_not_kept(
    gateway: Gateway, upstream: Upstream, routing: Routing
) -> None:
    model = routing.provider(upstream.url).model()
    upstream.queue = [status(400, b"{}"), sse(ROLE, delta("a"), end=False)]
    upstream.script = sse(ROLE, delta("hi"), FINISH, DONE)
    assert ask(gateway, chat(model, stream=True)).status_code == 400
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(model, stream=True), list(EXACT.items()))
        assert wire.answer().end is End.CUT
    assert [cached(ask(gateway, chat(model, stream=True))) for _ in range(2)] == ["miss", "hit-exact"]


def test_what_a_client_wishes_is_honoured(gateway: Gateway, upstream: Upstream, routing: Routing) -> None:
    upstream.script = json_answer(ANSWER)
    body = chat(routing.provider(upstream.url).model())
    assert cached(ask(gateway, body, **{"cache-control": "no-store"})) == "bypass"
    assert cached(ask(gateway, body)) == "miss"
    assert cached(ask(gateway, body)) == "hit-exact"
    assert cached(ask(gateway, body, **{"cache-control": "no-cache"})) == "miss"
    assert cached(ask(gateway, body, **{"x-gateway-cache": "off"})) in {"off", "bypass"}
    assert cached(ask(gateway, body, **{"x-gateway-cache": "refresh"})) == "miss"
    assert cached(ask(gateway, body, **{"cache-control": "max-age=600"})) == "hit-exact"
    assert cached(ask(gateway, body, **{"x-gateway-key": "main"})) in {"off", "bypass"}
    wrong = ask(gateway, body, **{"x-gateway-cache": "yes"})
    assert (wrong.status_code, "off, exact, semantic or refresh" in wrong.text) == (400, True)


def test_embeddings_are_kept_too(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    body = {"model": provider.model("e"), "input": ["one", "two"]}
    answers = [gateway.http.post(EMBEDDINGS, json=body, headers=EXACT) for _ in range(2)]
    assert [cached(answer) for answer in answers] == ["miss", "hit-exact"]
    assert answers[0].content == answers[1].content


class Held:
    """A provider that answers when it is told to."""

    def __init__(self, start: bytes, rest: bytes) -> None:
        self.go = threading.Event()
        self.start, self.rest = start, rest

    def __call__(self, exchange: Exchange) -> None:
        exchange.send(self.start)
        assert self.go.wait(30)
        exchange.send(self.rest)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def held_stream() -> Held:
    return Held(stream_head() + chunk(ROLE + delta("hi")), chunk(FINISH + DONE) + b"0\r\n\r\n")


@pytest.mark.parametrize("stream", [False, True])
def test_many_equal_requests_at_once_are_one_call(
    gateway: Gateway, upstream: Upstream, routing: Routing, stream: bool
) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)
    held = held_stream() if stream else Held(b"", head + ANSWER)
    upstream.script = held
    provider = routing.provider(upstream.url)
    body = chat(provider.model(), stream=stream)
    count = 200
    with ThreadPoolExecutor(count) as clients:
        answers = [clients.submit(httpx.post, gateway.url + CHAT, content=body, headers=EXACT, timeout=60)
                   for _ in range(count)]  # fmt: skip
        until(lambda: joined(gateway) >= count, "all requests in the gateway", patience=40)
        held.go.set()
        found = [answer.result() for answer in answers]
    assert Counter(map(cached, found)) == {"miss": 1, "joined": count - 1}
    assert {answer.content for answer in found} == {STREAM if stream else ANSWER}
    assert len(upstream.requests) == 1
    ids = {answer.headers["x-gateway-request-id"] for answer in found}
    assert len(ids) == count
    joiner = next(answer for answer in found if cached(answer) == "joined")
    row = gateway.row(joiner.headers["x-gateway-request-id"])
    assert (row["cache"], row["outcome"], row["attempts"]) == ("joined", "ok", [])


def joined(gateway: Gateway) -> int:
    """Requests that the gateway has in hand."""
    text = gateway.admin.get("/metrics").text
    line = next(line for line in text.splitlines() if "in_flight_requests" in line and line[0] != "#")
    return int(float(line.split()[-1]))


@pytest.mark.compiled
def test_who_comes_late_gets_the_beginning_and_who_leaves_ends_nothing(
    gateway: Gateway, upstream: Upstream, routing: Routing
) -> None:
    held = held_stream()
    upstream.script = held
    body = chat(routing.provider(upstream.url).model(), stream=True)
    with Wire(gateway.port) as first, Wire(gateway.port) as second:
        first.post(CHAT, body, list(EXACT.items()))
        first.read_until(b'"hi"')
        second.post(CHAT, body, list(EXACT.items()))
        second.read_until(b'"hi"')
        first.close()
        held.go.set()
        answer = second.read_until(b"[DONE]")
    assert b"[DONE]" in answer
    assert len(upstream.requests) == 1
    assert cached(ask(gateway, body)) == "hit-exact"


@pytest.mark.compiled
def test_the_call_is_cancelled_when_the_last_one_leaves(
    gateway: Gateway, upstream: Upstream, routing: Routing
) -> None:
    left = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(ROLE + delta("hi")))
        if exchange.wait_until_left():
            left.set()
        exchange.close()

    upstream.script = script
    body = chat(routing.provider(upstream.url).model(), stream=True)
    with Wire(gateway.port) as first, Wire(gateway.port) as second:
        for wire in (first, second):
            wire.post(CHAT, body, list(EXACT.items()))
            wire.read_until(b'"hi"')
    assert left.wait(20)


def test_where_the_first_call_fails_the_others_make_their_own(
    gateway: Gateway, upstream: Upstream, routing: Routing
) -> None:
    go = threading.Event()

    def fails(exchange: Exchange) -> None:
        assert go.wait(30)
        status(500, b'{"error":{"message":"no"}}')(exchange)

    upstream.queue = [fails]
    upstream.script = json_answer(ANSWER)
    body = chat(routing.provider(upstream.url).model())
    with ThreadPoolExecutor(4) as clients:
        answers = [clients.submit(httpx.post, gateway.url + CHAT, content=body, headers=EXACT, timeout=60)
                   for _ in range(4)]  # fmt: skip
        until(lambda: joined(gateway) >= 4, "all requests in the gateway")
        go.set()
        found = [answer.result() for answer in answers]
    assert sorted(answer.status_code for answer in found) == [200, 200, 200, 500]
    assert len(upstream.requests) == 4


def test_what_is_kept_can_be_seen_and_taken_away(
    gateway: Gateway, upstream: Upstream, routing: Routing
) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    alias = routing.alias(provider.model("gpt"))
    ask(gateway, chat(alias))
    ask(gateway, chat(alias))
    page = gateway.admin.get("/api/v1/cache", params={"route": alias}).json()
    (entry,) = page["items"]
    assert (entry["model"], entry["provider"], entry["operation"]) == (
        "gpt",
        provider.name,
        "chat.completions",
    )
    assert (entry["hits"], entry["preview"], entry["tokens"]) == (1, "hello", {"input": 7, "output": 3})
    stats = page["stats"]
    assert stats["entries"] >= 1
    assert stats["hits"] >= 1
    assert stats["tokens_saved"]["output"] >= 3
    assert gateway.admin.delete(f"/api/v1/cache/{entry['id']}").status_code == 204
    assert cached(ask(gateway, chat(alias))) == "miss"
    removed = gateway.admin.request("DELETE", "/api/v1/cache", params={"route": alias})
    assert removed.json() == {"removed": 1}
    assert cached(ask(gateway, chat(alias))) == "miss"


def test_a_route_keeps_answers_where_its_settings_say_so(
    gateway: Gateway, upstream: Upstream, routing: Routing
) -> None:
    upstream.script = json_answer(ANSWER)
    settings = {"exact": {"enabled": True, "ttl": "1h", "ignore": ["seed"]}}
    alias = routing.alias(routing.provider(upstream.url).model(), cache=settings)
    answers = [gateway.http.post(CHAT, content=chat(alias, seed=seed)) for seed in (1, 2)]
    assert [cached(answer) for answer in answers] == ["miss", "hit-exact"]
