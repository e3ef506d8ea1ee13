"""``hedge`` and ``affinity`` by REST: for all, and for one alias."""

from __future__ import annotations

from typing import Any

import pytest

from ferrogate.store.aliases import StoredTarget


def test_they_change_while_the_gateway_runs(control: Any) -> None:
    changes = {"hedge": {"enabled": True, "budget": "10%"}, "affinity": False}
    shown = control.client.patch("/api/v1/config", json=changes).json()["settings"]
    assert [shown[name]["value"] for name in ("hedge.enabled", "hedge.budget", "affinity")] == [
        True, 0.1, False,
    ]  # fmt: skip
    applied = control.engine.applied[-1]
    assert (applied.hedge.enabled, applied.hedge.budget, applied.affinity) == (True, 0.1, False)
    back = control.client.patch("/api/v1/config", json={"affinity": None, "hedge": {"enabled": None}})
    assert back.status_code == 200
    applied = control.engine.applied[-1]
    assert (applied.hedge.enabled, applied.hedge.budget, applied.affinity) == (False, 0.1, True)


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"affinity": "perhaps"}, "config_invalid", "true or false"),
        ({"affinity": {"enabled": True}}, "config_invalid", "affinity.enabled"),
        ({"hedge": True}, "validation_failed", "hedge must be a section"),
        ({"hedge": {"budget": 7}}, "config_invalid", "5%"),
        ({"afinity": None}, "validation_failed", "afinity"),
    ],
)
def test_impossible_changes(control: Any, changes: dict[str, Any], code: str, says: str) -> None:
    answer = control.client.patch("/api/v1/config", json=changes)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert says in answer.json()["detail"]
    assert control.engine.applied == []


def test_what_the_file_says_is_a_conflict(make: Any) -> None:
    control = make(text="affinity: false\n")
    answer = control.client.patch("/api/v1/config", json={"affinity": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_an_alias_takes_them_and_gives_them_back(control: Any, make: Any) -> None:
    body = {
        "targets": ["openai/gpt-4o"], "hedge": {"enabled": True, "budget": "20%"}, "affinity": False,
        "log": {"payloads": False},
    }  # fmt: skip
    made = control.client.put("/api/v1/models/chat", json=body)
    assert made.status_code == 201
    assert made.json()["hedge"] == {"enabled": True, "budget": 0.2}
    assert (made.json()["affinity"], made.json()["log"]) == (False, {"payloads": False})
    alias = next(alias for alias in control.engine.applied[-1].aliases if alias.name == "chat")
    assert (alias.hedge.enabled, alias.hedge.budget, alias.affinity, alias.payloads) == (
        True, 0.2, False, False,
    )  # fmt: skip
    again = make().client.get("/api/v1/models/chat").json()
    assert (again["hedge"], again["affinity"]) == ({"enabled": True, "budget": 0.2}, False)
    replaced = control.client.put("/api/v1/models/chat", json={"targets": ["openai/gpt-4o"]}).json()
    assert (replaced["hedge"], replaced["affinity"]) == ({"enabled": None, "budget": None}, None)


@pytest.mark.parametrize(
    "said", [{"hedge": {"budget": 2}}, {"hedge": {"budget": "x"}}, {"hedge": {"after": 1}}, {"affinity": "x"}]
)
def test_an_alias_refuses_what_it_cannot_mean(control: Any, said: dict[str, Any]) -> None:
    answer = control.client.put("/api/v1/models/chat", json={"targets": ["openai/gpt-4o"], **said})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert next(iter(said)) in answer.json()["detail"]


def test_an_alias_stored_before_they_existed_is_read(control: Any) -> None:
    with control.store.database.write() as connection:
        control.store.aliases.put(connection, "old", [StoredTarget("openai", "x")], {"payloads": True})
    control.services.configuration.publish()
    old = control.client.get("/api/v1/models/old").json()
    assert (old["log"], old["hedge"]["enabled"], old["affinity"]) == ({"payloads": True}, None, None)
