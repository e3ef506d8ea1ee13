"""A log replayed: what is counted, for whom, and for how long."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ferrogate.engine.semantic import Embedder
from ferrogate.errors import EngineError
from ferrogate.services.replay import Replayed, Request, Settings, replay

LOOSE = 0.5
RESET = "How do I reset my password?"
REWORDED = "How can I reset the password"


def ask(text: str, at_s: float, **changed: Any) -> Request:
    sent = {"model": "m", "messages": [{"role": "user", "content": text}], **changed.pop("sent", {})}
    fields: dict[str, Any] = {
        "at_ms": round(at_s * 1000),
        "tenant": "t",
        "path": "/v1/chat/completions",
        "body": json.dumps(sent).encode(),
        "status": 200,
        "finish_reason": "stop",
        "input_tokens": 10,
        "output_tokens": 7,
    }
    return Request(**{**fields, **changed})


def replayed(*requests: Request, ttl_s: float = 3_600, **settings: Any) -> Replayed:
    asked = Settings(**{"thresholds": (LOOSE,), "ttl_ms": round(ttl_s * 1000), **settings})
    return replay(requests, Embedder.hashed(), asked, _unheard)


def _unheard(*_: int) -> None:
    pass


def hits(told: Replayed) -> tuple[int, int]:
    return told.tallies[LOOSE].exact, told.tallies[LOOSE].semantic


def test_equal_and_alike_requests_are_hits_and_spare_their_own_tokens() -> None:
    told = replayed(ask(RESET, 0), ask(RESET, 1), ask(REWORDED, 2, input_tokens=20))
    assert hits(told) == (1, 1)
    tally = told.tallies[LOOSE]
    assert (tally.input_tokens, tally.output_tokens) == (30, 14)
    assert (told.only_exact.exact, told.only_exact.semantic, told.only_exact.input_tokens) == (1, 0, 10)
    assert [(pair.asked, pair.kept) for pair in told.served.values()] == [(REWORDED, RESET)]


def test_the_order_is_that_of_time() -> None:
    told = replayed(ask(REWORDED, 5), ask(RESET, 0))
    assert [(pair.asked, pair.kept) for pair in told.served.values()] == [(REWORDED, RESET)]


def test_a_higher_threshold_serves_less() -> None:
    told = replayed(ask(RESET, 0), ask(REWORDED, 1), thresholds=(LOOSE, 0.999))
    assert [tally.semantic for tally in told.tallies.values()] == [1, 0]


def test_what_the_guard_forbids_is_shown_and_not_served() -> None:
    told = replayed(ask("Turn on dark mode", 0), ask("Turn off dark mode", 1))
    assert hits(told) == (0, 0)
    assert told.tallies[LOOSE].vetoed == 1
    assert [pair.veto for pair in told.vetoed.values()] == ["opposite"]


@pytest.mark.parametrize(
    "other",
    [{"tenant": "another"}, {"sent": {"temperature": 1}}, {"sent": {"model": "n"}}],
    ids=["tenant", "sampling", "model"],
)
def test_nothing_crosses_a_scope(other: dict[str, Any]) -> None:
    assert hits(replayed(ask(RESET, 0), ask(RESET, 1, **other), ask(REWORDED, 2, **other))) == (0, 1)


def test_an_ignored_member_makes_no_difference() -> None:
    told = replayed(ask(RESET, 0), ask(RESET, 1, sent={"seed": 7}), ignored=("seed",))
    assert hits(told) == (1, 0)
    with pytest.raises(EngineError, match="messages"):
        replayed(ask(RESET, 0), ignored=("messages",))


def test_an_answer_is_served_for_its_ttl_and_no_longer() -> None:
    assert hits(replayed(ask(RESET, 0), ask(RESET, 10), ask(REWORDED, 10), ttl_s=10)) == (1, 1)
    # What is too old is stored anew by the request that found it so.
    assert hits(replayed(ask(RESET, 0), ask(RESET, 11), ask(REWORDED, 12), ttl_s=10)) == (0, 1)
    assert hits(replayed(ask(RESET, 0), ask(REWORDED, 11), ttl_s=10)) == (0, 0)


@pytest.mark.parametrize("answer", [{"status": 500}, {"finish_reason": "length"}, {"finish_reason": None}])
def test_an_answer_that_is_never_kept_serves_nobody(answer: dict[str, Any]) -> None:
    assert hits(replayed(ask(RESET, 0, **answer), ask(RESET, 1), ask(RESET, 2))) == (1, 0)


def test_requests_that_take_no_part_are_counted_by_reason() -> None:
    told = replayed(ask(RESET, 0, body=None), ask(RESET, 1, path="/v1/files"), ask(RESET, 2, body=b"[]"))
    assert told.requests == 3
    assert dict(told.skipped) == {"no body in the log": 1, "operation": 1, "shape": 1}


def test_a_text_without_words_has_no_neighbours() -> None:
    assert hits(replayed(ask("?!", 0), ask("?!", 1), ask("!!", 2))) == (1, 0)
