"""Questions of one meaning get one answer, and others do not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from harness.chat import ANSWER, CHAT, DONE, FINISH, ROLE, delta
from harness.doors import Door
from harness.gateway import Gateway, until
from harness.routing import Routing
from harness.upstream import Exchange, Upstream, json_answer, sse

RESET = "How do I reset my password?"
AGAIN = "how do I reset my PASSWORD??"
NOT = "How do I not reset my password?"
SEMANTIC = {"exact": {"enabled": True}, "semantic": {"enabled": True, "profile": "recall"}}


@pytest.fixture(scope="module")
def hashed(door: Door, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose embedder needs no weights: shared words are near each other."""
    config = {"cache": {"embedder": {"model": "hashed"}}}
    with Gateway(tmp_path_factory.mktemp(f"semantic-{door}"), door, config=config) as running:
        yield running


@pytest.fixture
def routes(hashed: Gateway) -> Iterator[Routing]:
    declared = Routing(hashed)
    yield declared
    declared.forget()


def ask(gateway: Gateway, model: str, text: str, *, stream: bool = False, **headers: str) -> httpx.Response:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]}
    answer = gateway.http.post(CHAT, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


def cached(answer: httpx.Response) -> str:
    return answer.headers["x-gateway-cache"]


def test_another_wording_gets_the_answer_and_a_negation_does_not(
    hashed: Gateway, upstream: Upstream, routes: Routing
) -> None:
    upstream.script = json_answer(ANSWER)
    model = routes.alias(routes.provider(upstream.url).model(), cache=SEMANTIC)
    first, second, third = (ask(hashed, model, text) for text in (RESET, AGAIN, NOT))
    assert [cached(answer) for answer in (first, second, third)] == ["miss", "hit-semantic", "miss"]
    assert second.content == ANSWER
    assert float(second.headers["x-gateway-similarity"]) > 0.99
    assert "x-gateway-veto" not in second.headers
    assert int(second.headers["age"]) >= 0
    assert third.headers["x-gateway-veto"] == "negation"
    assert 0.75 <= float(third.headers["x-gateway-similarity"]) < 1
    assert "x-gateway-similarity" not in first.headers, "there was nothing to compare with"
    assert len(upstream.requests) == 2
    row = hashed.row(second.headers["x-gateway-request-id"])
    assert (row["cache"], row["attempts"], row["outcome"]) == ("hit-semantic", [], "ok")


@pytest.mark.parametrize("first_streams", [False, True])
def test_the_second_client_gets_it_as_it_asked_for_it(
    hashed: Gateway, upstream: Upstream, routes: Routing, *, first_streams: bool
) -> None:
    def either(exchange: Exchange) -> None:
        whole = not json.loads(exchange.request.body)["stream"]
        (json_answer(ANSWER) if whole else sse(ROLE, delta("hi"), FINISH, DONE))(exchange)

    upstream.script = either
    model = routes.alias(routes.provider(upstream.url).model(), cache=SEMANTIC)
    ask(hashed, model, RESET, stream=first_streams)
    second = ask(hashed, model, AGAIN, stream=not first_streams)
    assert cached(second) == "hit-semantic"
    if first_streams:
        assert second.json()["choices"][0]["message"]["content"] == "hi"
    else:
        assert second.headers["content-type"].startswith("text/event-stream")
        assert second.content.endswith(DONE)


def test_a_client_turns_it_on_and_has_less_of_it(
    hashed: Gateway, upstream: Upstream, routes: Routing
) -> None:
    upstream.script = json_answer(ANSWER)
    model = routes.provider(upstream.url).model()
    assert cached(ask(hashed, model, RESET)) == "off"
    by_header = [ask(hashed, model, text, **{"x-gateway-cache": "semantic"}) for text in (RESET, AGAIN)]
    assert [cached(answer) for answer in by_header] == ["miss", "hit-semantic"]
    route = routes.alias(routes.provider(upstream.url).model(), cache=SEMANTIC)
    ask(hashed, route, RESET)
    less = {
        "?": ("x-gateway-cache", "exact", "miss"),
        "??": ("x-gateway-cache", "off", "bypass"),
        "???": ("x-gateway-cache", "refresh", "miss"),
        "!": ("cache-control", "no-store", "bypass"),
        "!!": ("cache-control", "max-age=0", "miss"),
        "!!!": ("x-gateway-cache", "semantic", "hit-semantic"),
    }
    for mark, (header, value, expected) in less.items():
        answer = ask(hashed, route, f"how do I reset my password {mark}", **{header: value})
        assert cached(answer) == expected, (header, value)


def test_what_stands_before_the_question_must_be_equal(
    hashed: Gateway, upstream: Upstream, routes: Routing
) -> None:
    upstream.script = json_answer(ANSWER)
    model = routes.alias(routes.provider(upstream.url).model(), cache=SEMANTIC)

    def words(system: str, text: str, **more: object) -> str:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        answer = hashed.http.post(CHAT, json={"model": model, "messages": messages, **more})
        return cached(answer)

    assert words("Be brief.", RESET) == "miss"
    assert words("Be brief.", AGAIN) == "hit-semantic"
    assert words("Be long.", AGAIN) == "miss"
    assert words("Be brief.", AGAIN + "?", temperature=0.5) == "miss"
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    assert words("Be brief.", AGAIN + "!", tools=tools) == "miss"


def test_semantic_alone_serves_equal_requests_too_and_shares_no_calls(
    hashed: Gateway, upstream: Upstream, routes: Routing
) -> None:
    upstream.script = json_answer(ANSWER)
    model = routes.alias(
        routes.provider(upstream.url).model(), cache={"semantic": {"enabled": True, "threshold": 0.9}}
    )
    assert [cached(ask(hashed, model, text)) for text in (RESET, RESET, AGAIN)] == [
        "miss", "hit-exact", "hit-semantic",
    ]  # fmt: skip


def test_many_equal_questions_at_once_cost_one_call(
    hashed: Gateway, upstream: Upstream, routes: Routing
) -> None:
    def slow(exchange: Exchange) -> None:
        time.sleep(0.3)
        json_answer(ANSWER)(exchange)

    upstream.script = slow
    model = routes.alias(routes.provider(upstream.url).model(), cache=SEMANTIC)
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: cached(ask(hashed, model, RESET)), range(40)))
    assert len(upstream.requests) == 1
    assert answers.count("miss") == 1
    assert set(answers) <= {"miss", "joined", "hit-exact"}


def test_it_is_seen_and_purged(hashed: Gateway, upstream: Upstream, routes: Routing) -> None:
    upstream.script = json_answer(ANSWER)
    model = routes.alias(routes.provider(upstream.url).model(), cache=SEMANTIC)
    before = hashed.call("GET", "cache")["stats"]["semantic"]
    for text in (RESET, AGAIN, NOT, "What is the capital of France?"):
        ask(hashed, model, text)
    after = hashed.call("GET", "cache")["stats"]["semantic"]
    gained = {name: after[name] - before[name] for name in ("hits", "vetoed", "far", "entries")}
    assert gained == {"hits": 1, "vetoed": 1, "far": 2, "entries": 3}
    metrics = hashed.admin.get("/metrics").text
    assert 'ferrogate_cache_lookups_total{kind="semantic",result="vetoed"}' in metrics
    listed = hashed.call("GET", f"cache?route={model}")["items"]
    assert {item["kind"] for item in listed} == {"semantic"}
    hashed.admin.delete(f"/api/v1/cache?route={model}")
    assert cached(ask(hashed, model, "how do I reset my password!!")) == "miss"
    shrunk = hashed.call("GET", "cache")["stats"]["semantic"]["entries"]
    assert shrunk == after["entries"] - 3 + 1


@pytest.mark.compiled
def test_a_provider_s_model_makes_the_vectors(door: Door, folder: Path, upstream: Upstream) -> None:
    """One that knows two meanings; each vector is a call with a row of its own."""

    def either(exchange: Exchange) -> None:
        body = json.loads(exchange.request.body)
        if "input" in body:
            vector = [1.0, 0.1] if "password" in body["input"].lower() else [0.0, 1.0]
            data = [{"object": "embedding", "index": 0, "embedding": vector}]
            usage = {"prompt_tokens": 5, "total_tokens": 5}
            json_answer(json.dumps({"object": "list", "data": data, "usage": usage}).encode())(exchange)
        else:
            json_answer(ANSWER)(exchange)

    upstream.script = either
    provider = {
        "kind": "openai-compatible",
        "base_url": upstream.url,
        "keys": [{"value": "sk-of-this-test-0123"}],
    }
    config = {
        "providers": {"up": provider},
        "models": {"faq": {"targets": ["up/m"]}},
        "cache": {**SEMANTIC, "embedder": {"model": "up/vectors"}},
    }
    with Gateway(folder, door, config=config) as gateway:
        asked = [
            ask(gateway, "faq", text) for text in (RESET, "What about a new password?", "And the weather?")
        ]
        assert cached(asked[0]) == "miss"
        assert asked[1].headers["x-gateway-similarity"] == "1.000"
        assert cached(asked[2]) == "miss"
        rows = until(lambda: gateway.call("GET", "logs?model=up/vectors")["items"], "rows of vectors")
        assert {row["operation"] for row in rows} == {"embeddings"}
        assert {row["door"] for row in rows} == {"gateway"}


def test_weights_that_are_not_there_are_said_at_the_start(door: Door, folder: Path) -> None:
    config = {"cache": {"semantic": {"enabled": True}, "embedder": {"path": "/nowhere/weights"}}}
    gateway = Gateway(folder, door, config=config)
    process = gateway.spawn()
    assert process.wait(30) != 0
    said = gateway.stderr_path.read_text() + gateway.stdout_path.read_text()
    assert "/nowhere/weights" in said
    assert "--no-deps" in said, "what to do"
    assert "Traceback" not in said
