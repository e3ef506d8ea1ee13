"""``cache`` by REST: for all, and for one alias."""

from __future__ import annotations

from typing import Any

import pytest


def test_it_changes_while_the_gateway_runs(control: Any) -> None:
    changes = {"cache": {"exact": {"enabled": True, "ttl": "2m"}, "size": "64MB"}}
    shown = control.client.patch("/api/v1/config", json=changes).json()["settings"]
    assert [shown[f"cache.{name}"]["value"] for name in ("exact.enabled", "exact.ttl", "size")] == [
        True, "120s", "64MB",
    ]  # fmt: skip
    assert shown["cache.exact.ttl"]["source"] == "store"
    applied = control.engine.applied[-1]
    assert (applied.cache.exact.enabled, applied.cache.exact.ttl_ms) == (True, 120_000)
    assert applied.cache_bytes == 64 * 10**6
    back = control.client.patch("/api/v1/config", json={"cache": {"exact": {"enabled": None}}})
    assert back.status_code == 200
    applied = control.engine.applied[-1]
    assert (applied.cache.exact.enabled, applied.cache.exact.ttl_ms) == (False, 120_000)


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"cache": True}, "validation_failed", "cache must be a section"),
        ({"cache": {"exact": None}}, "validation_failed", "cache.exact must be a section"),
        ({"cache": {"exact": {"ttl": "soon"}}}, "config_invalid", "cache.exact.ttl is not a duration"),
        ({"cache": {"exact": {"tll": "1s"}}}, "config_invalid", "did you mean ttl?"),
        ({"cache": {"exact": {"ignore": ["model"]}}}, "config_invalid", "says what is asked for"),
        ({"cache": {"size": {"max": 1}}}, "config_invalid", "cache.size is not a size"),
    ],
)
def test_impossible_changes(control: Any, changes: dict[str, Any], code: str, says: str) -> None:
    answer = control.client.patch("/api/v1/config", json=changes)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert says in answer.json()["detail"]
    assert control.engine.applied == []


def test_what_the_file_says_is_a_conflict(make: Any) -> None:
    control = make(text="cache: {exact: {ttl: 1m}}\n")
    answer = control.client.patch("/api/v1/config", json={"cache": {"exact": {"ttl": "2m"}}})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert control.client.patch("/api/v1/config", json={"cache": {"size": "1GB"}}).status_code == 200


def test_an_alias_takes_it_and_gives_it_back(control: Any, make: Any) -> None:
    said = {"exact": {"enabled": True, "ttl": "2m", "ignore": ["seed"]}}
    made = control.client.put("/api/v1/models/chat", json={"targets": ["openai/gpt-4o"], "cache": said})
    assert made.status_code == 201
    shown = {
        "exact": {
            "enabled": True, "ttl": "120s", "stale": None, "tool_calls": None, "coalesce": None,
            "ignore": ["seed"],
        },
        "semantic": {
            "enabled": None, "profile": None, "threshold": None,
            "verify": {
                "enabled": None, "share": None, "target": None, "per_minute": None, "freeze": None,
            },
        },
    }  # fmt: skip
    assert made.json()["cache"] == shown
    alias = next(alias for alias in control.engine.applied[-1].aliases if alias.name == "chat")
    assert (alias.cache.exact.enabled, alias.cache.exact.ttl_ms, alias.cache.exact.ignore) == (
        True, 120_000, ["seed"],
    )  # fmt: skip
    assert make().client.get("/api/v1/models/chat").json()["cache"] == shown
    replaced = control.client.put("/api/v1/models/chat", json={"targets": ["openai/gpt-4o"]}).json()
    assert replaced["cache"]["exact"]["enabled"] is None


def test_an_alias_keeps_what_it_says_of_verification(control: Any, make: Any) -> None:
    said = {"semantic": {"verify": {"target": "1%", "freeze": True}}}
    body = {"targets": ["openai/gpt-4o"], "cache": said}
    assert control.client.put("/api/v1/models/chat", json=body).status_code == 201
    shown = make().client.get("/api/v1/models/chat").json()["cache"]["semantic"]["verify"]
    assert shown == {
        "enabled": None, "share": None, "target": 0.01, "per_minute": None, "freeze": True,
    }  # fmt: skip


def test_the_top_level_takes_verification(control: Any) -> None:
    said = {"cache": {"semantic": {"verify": {"enabled": True, "share": "2%"}}}}
    answer = control.client.patch("/api/v1/config", json=said)
    assert answer.status_code == 200
    settings = answer.json()["settings"]
    assert settings["cache.semantic.verify.share"]["value"] == 0.02
    assert settings["cache.semantic.verify.per_minute"]["source"] == "default"


@pytest.mark.parametrize(
    "said", [{"size": "1GB"}, {"exact": {"ttl": "soon"}}, {"exact": {"after": 1}}, {"exact": True}]
)
def test_an_alias_refuses_what_it_cannot_mean(control: Any, said: dict[str, Any]) -> None:
    answer = control.client.put("/api/v1/models/chat", json={"targets": ["openai/gpt-4o"], "cache": said})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert "cache" in answer.json()["detail"]
