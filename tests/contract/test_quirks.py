"""What a provider's quirks do beside renaming: failover of a strict client, long bodies, other operations.

``tests/golden/quirks.json`` has the rules byte by byte, ``test_providers.py`` every shipped provider.
"""

from __future__ import annotations

import json

import pytest

from harness.chat import ANSWER, CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway
from harness.routing import Routing
from harness.upstream import Upstream, json_answer

KIND = "mistral"
"""It renames ``seed`` and refuses ``user``."""


@pytest.fixture
def answering(upstream: Upstream) -> Upstream:
    upstream.script = json_answer(ANSWER)
    return upstream


def test_a_strict_client_gets_the_provider_that_can_be_told(
    gateway: Gateway, routing: Routing, answering: Upstream
) -> None:
    picky = routing.provider(f"{answering.url}/picky", kind=KIND)
    plain = routing.provider(f"{answering.url}/plain")
    alias = routing.alias(picky.model(), plain.model())
    body = chat(alias, user="u", seed=1)
    answer = gateway.http.post(CHAT, content=body, headers={"x-gateway-strict": "true"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-gateway-provider"] == plain.name
    assert "x-gateway-dropped" not in answer.headers
    (request,) = answering.requests
    assert request.body == body.replace(json.dumps(alias).encode(), b'"m"')
    row = gateway.row(answer.headers["x-gateway-request-id"])
    assert [attempt["error"] for attempt in row["attempts"]] == ["invalid_request", None]
    assert [lane["failures"] for lane in gateway.lanes(picky.name)] in ([0], []), "it was not asked"


@pytest.mark.kind("invalid_request")
def test_a_strict_client_is_refused_where_no_provider_can_be_told(
    gateway: Gateway, routing: Routing, answering: Upstream
) -> None:
    picky = routing.provider(answering.url, kind=KIND)
    body = chat(picky.model(), user="u", store=True)
    answer = gateway.http.post(CHAT, content=body, headers={"x-gateway-strict": "true"})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid_request"
    assert f'"{picky.name}" cannot be told: user, store.' in error["message"]
    assert answering.requests == []


def test_a_fallback_is_told_what_the_first_provider_was_not(
    gateway: Gateway, routing: Routing, upstream: Upstream, door: Door
) -> None:
    """Each attempt starts from the client's bytes."""
    upstream.script = json_answer(ANSWER)
    picky = routing.provider("http://127.0.0.1:9/v1", kind=KIND)
    plain = routing.provider(upstream.url)
    body = chat(routing.alias(picky.model(), plain.model()), user="u", seed=1)
    answer = gateway.http.post(CHAT, content=body)
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (200, "2")
    assert "x-gateway-dropped" not in answer.headers
    sent = json.loads(upstream.requests[0].body)
    assert (sent["user"], sent["seed"], sent["model"]) == ("u", 1, "m")


@pytest.mark.parametrize("size", [10, 200_000])
def test_the_rest_of_a_body_is_the_client_s_byte_for_byte(
    gateway: Gateway, routing: Routing, answering: Upstream, size: int
) -> None:
    picky = routing.provider(answering.url, kind=KIND)
    text = json.dumps('é\\"user": 1, ' * size, ensure_ascii=False)
    messages = f'"messages":[{{"role":"user","content":{text}}}]  ,\t'
    body = f'\n{{"user" : {{"a":[1,2]}},{messages}"seed":1.50,"model":"%s" }}\n'
    answer = gateway.http.post(CHAT, content=(body % picky.model()).encode())
    assert answer.status_code == 200, answer.text
    expected = f'\n{{{messages}"random_seed":1.50,"model":"m" }}\n'
    assert answering.requests[0].body == expected.encode()
    assert answer.headers["x-gateway-dropped"] == "user"


def test_a_body_without_such_members_is_left_alone(
    gateway: Gateway, routing: Routing, answering: Upstream
) -> None:
    picky = routing.provider(answering.url, kind=KIND)
    body = chat(picky.model(), temperature=1)
    answer = gateway.http.post(CHAT, content=body)
    assert answering.requests[0].body == chat("m", temperature=1)
    assert "x-gateway-dropped" not in answer.headers
    (attempt,) = gateway.row(answer.headers["x-gateway-request-id"])["attempts"]
    assert not attempt.get("dropped")


def test_they_are_about_chat_completions(gateway: Gateway, routing: Routing, answering: Upstream) -> None:
    picky = routing.provider(answering.url, kind=KIND)
    body = {"model": picky.model(), "input": "x", "user": "u"}
    answer = gateway.http.post("/openai/v1/embeddings", json=body, headers={"x-gateway-strict": "true"})
    assert answer.status_code == 200, answer.text
    assert json.loads(answering.requests[0].body) == {**body, "model": "m"}
