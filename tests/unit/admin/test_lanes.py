"""``GET /api/v1/lanes``: what an engine knows, null for what it does not, and the filters."""

from __future__ import annotations

from typing import Any

import pytest

from ferrogate.admin.lane_schemas import Lane
from harness.lanes import lane

KNOWN = {
    "route": "chat", "tier": 0, "state": "cooling", "multiplier": 0.0, "share": 0.0,
    "why": "the provider said to come back in 4 s", "success_ratio": 0.5, "ttft_ms": 210.5, "token_ms": 8.25,
    "waiting": 1, "cooldown_ms": 4000, "ceiling_rps": 2.5,
    "routes": [
        {"route": "chat", "tier": 0, "share": 0.0, "multiplier": 0.0, "why": "cools"},
        {"route": "openai/gpt-4o", "tier": 1, "share": None, "multiplier": 1.0, "why": "alone"},
    ],
}  # fmt: skip


def items(control: Any, query: str = "") -> list[dict[str, Any]]:
    answer = control.client.get(f"/api/v1/lanes{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_what_the_engine_knows_arrives_as_it_is(control: Any) -> None:
    control.engine.seen = [lane(**KNOWN)]
    assert items(control) == [lane(**KNOWN)]


def test_what_it_does_not_know_is_null(control: Any) -> None:
    control.engine.seen = [lane(), lane(**dict.fromkeys(KNOWN.keys() - {"why", "routes"}))]
    for found in items(control):
        assert found.keys() == Lane.model_fields.keys()
        assert (found.pop("why"), found.pop("routes")) == ("", [])
        assert all(found[name] is None for name in KNOWN.keys() & found.keys())


def test_no_lane_is_an_empty_list(control: Any) -> None:
    control.engine.seen = []
    assert items(control) == []


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("?provider=openai", ["a", "b"]),
        ("?provider=groq", ["c"]),
        ("?route=chat", ["a", "c"]),
        ("?route=chat&provider=groq", ["c"]),
        ("?route=nothing", []),
    ],
)
def test_filters(control: Any, query: str, keys: list[str]) -> None:
    control.engine.seen = [
        lane(key="a", route="other", routes=[{"route": "chat", "tier": 1, "share": 0.25, "why": "second"}]),
        lane(key="b"),
        lane(key="c", provider="groq", route="chat"),
    ]
    assert [found["key"] for found in items(control, query)] == keys


def test_within_a_route_a_lane_is_as_that_route_has_it(control: Any) -> None:
    control.engine.seen = [lane(**KNOWN)]
    (found,) = items(control, "?route=openai/gpt-4o")
    assert (found["route"], found["tier"], found["share"]) == ("openai/gpt-4o", 1, None)
    assert (found["multiplier"], found["why"], found["state"]) == (1.0, "alone", "cooling")


def test_the_fields_are_described(control: Any) -> None:
    schemas = control.client.get("/openapi.json").json()["components"]["schemas"]
    assert schemas["Lane"]["properties"].keys() == lane(**KNOWN).keys()
    assert {"Lane", "LaneList", "LaneRoute"} <= schemas.keys()
