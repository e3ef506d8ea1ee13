"""What a fault means for the requests that come after it: which lanes are left alone, and until when."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from upstream_answer_cases import FILTERED, REFUSAL

from harness.chat import ANSWER, CHAT, chat, delta
from harness.gateway import Gateway
from harness.routing import Declared, Routing
from harness.upstream import Script, Upstream, json_answer, sse, status

pytestmark = pytest.mark.compiled

MANY = 12
"""More requests than a lane needs to be judged."""


@dataclass
class Pair:
    """A lane that a test spoils, and one behind it that works."""

    gateway: Gateway
    routing: Routing
    first: Upstream
    spoilt: Declared
    spare: Declared

    def alias(self, model: str = "m") -> str:
        return self.routing.alias(self.spoilt.model(model), self.spare.model(model))

    def ask(self, model: str, *, stream: bool = False) -> httpx.Response:
        return self.gateway.http.post(CHAT, content=chat(model, stream=stream))

    def served_by(self, model: str) -> tuple[str, str]:
        """Who answers, and after how many attempts."""
        answer = self.ask(model)
        assert answer.status_code == 200, answer.text
        return answer.headers["x-gateway-provider"], answer.headers["x-gateway-attempts"]


@pytest.fixture
def pair(gateway: Gateway, routing: Routing, upstream: Upstream) -> Iterator[Pair]:
    with Upstream(script=json_answer(ANSWER)) as second:
        yield Pair(gateway, routing, upstream, routing.provider(upstream.url), routing.provider(second.url))


def test_a_lane_that_was_told_to_wait_is_left_alone(pair: Pair) -> None:
    pair.first.script = status(429, REFUSAL, [("retry-after", "90")])
    model = pair.alias()
    assert pair.served_by(model) == (pair.spare.name, "2")
    assert {pair.served_by(model) for _ in range(MANY)} == {(pair.spare.name, "1")}
    assert len(pair.first.requests) == 1


@pytest.mark.parametrize("code", [401, 402, 403])
def test_a_refused_key_is_out_for_every_model_until_it_is_changed(pair: Pair, code: int) -> None:
    pair.first.script = status(code, REFUSAL)
    model, other = pair.alias(), pair.alias("other")
    assert pair.served_by(model) == (pair.spare.name, "2")
    assert {pair.served_by(name) for name in (model, other)} == {(pair.spare.name, "1")}
    assert len(pair.first.requests) == 1
    pair.first.script = json_answer(ANSWER)
    assert pair.served_by(model) == (pair.spare.name, "1"), "nobody asks whether it is well again"
    pair.gateway.call("PATCH", f"keys/{pair.spoilt.key_ids['main']}", value="another-secret-0123456789")
    assert {pair.served_by(name) for name in (model, other)} == {(pair.spoilt.name, "1")}
    assert pair.first.requests[-1].header("authorization") == "Bearer another-secret-0123456789"


def test_a_refused_key_is_back_when_a_request_with_it_is_answered(pair: Pair) -> None:
    pair.first.script = status(402, REFUSAL)
    model = pair.alias()
    assert pair.served_by(model) == (pair.spare.name, "2")
    pair.first.script = json_answer(ANSWER)
    assert pair.ask(pair.spoilt.model()).status_code == 200, "with one lane it goes to that"
    assert pair.served_by(model) == (pair.spoilt.name, "1")


@pytest.mark.parametrize(
    "script", [status(500, REFUSAL), lambda exchange: exchange.reset()], ids=["500", "reset"]
)
def test_a_lane_that_fails_again_and_again_is_left_alone(pair: Pair, script: Script) -> None:
    pair.first.script = script
    model = pair.alias()
    answers = [pair.served_by(model) for _ in range(3 * MANY)]
    assert {provider for provider, _ in answers} == {pair.spare.name}, "no client noticed"
    assert answers[:5] == [(pair.spare.name, "2")] * 5
    assert len(pair.first.requests) < MANY, "five faults, and then a look at times"


def test_streams_that_break_after_their_first_token_count(pair: Pair) -> None:
    """Each had begun well, so it is their share that puts the lane out, and not five in a row."""
    pair.first.script = sse(delta("a"), end=False)
    model = pair.alias()
    for _ in range(MANY):
        with contextlib.suppress(httpx.RemoteProtocolError):
            answer = pair.ask(model, stream=True)
            assert answer.headers["x-gateway-provider"] == pair.spare.name
    assert pair.served_by(model) == (pair.spare.name, "1")
    assert len(pair.first.requests) < MANY


@pytest.mark.parametrize("body", [REFUSAL, FILTERED], ids=["client", "filter"])
def test_what_is_not_the_lanes_failure_never_counts(pair: Pair, body: bytes) -> None:
    pair.first.script = status(400, body)
    model = pair.alias()
    assert {pair.ask(model).status_code for _ in range(MANY)} == {400}
    assert len(pair.first.requests) == MANY
    pair.first.script = json_answer(ANSWER)
    assert pair.served_by(model) == (pair.spoilt.name, "1")
