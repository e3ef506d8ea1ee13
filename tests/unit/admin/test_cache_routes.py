"""``/api/v1/cache``: counts, pages, filters, and taking away."""

from __future__ import annotations

from typing import Any

import pytest

from harness.cache import FakeCache, entry


@pytest.fixture
def kept(control: Any) -> FakeCache:
    control.engine.cache = FakeCache(
        entry(1), entry(2, tenant="team-a", route="faq"), entry(3, model="o3", preview="why is the sky blue")
    )
    return control.engine.cache


def left(kept: FakeCache) -> list[str]:
    return [item["id"][:4] for item in kept.entries]


def test_counts_and_entries_arrive_as_they_are(control: Any, kept: FakeCache) -> None:
    answer = control.client.get("/api/v1/cache")
    assert answer.status_code == 200
    assert answer.json() == {"stats": kept.stats(), "items": kept.entries, "next_cursor": None}


def test_an_engine_without_a_cache_has_counted_nothing(control: Any) -> None:
    found = control.client.get("/api/v1/cache").json()
    assert (found["items"], found["next_cursor"]) == ([], None)
    assert found["stats"]["max_bytes"] == found["stats"]["hits"] == 0
    assert control.client.delete("/api/v1/cache").json() == {"removed": 0}


def test_pages_follow_one_another(control: Any, kept: FakeCache) -> None:
    seen, cursor = [], ""
    while True:
        page = control.client.get(f"/api/v1/cache?limit=2{cursor}").json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [item["id"] for item in kept.entries]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?tenant=team-a", ["0002"]),
        ("?route=chat", ["0001", "0003"]),
        ("?route=chat&model=o3", ["0003"]),
        ("?text=sky", ["0003"]),
        ("?model=nothing", []),
    ],
)
def test_filters_of_a_page_are_those_of_a_purge(
    control: Any, kept: FakeCache, query: str, found: list[str]
) -> None:
    listed = control.client.get(f"/api/v1/cache{query}").json()["items"]
    assert [item["id"][:4] for item in listed] == found
    assert control.client.delete(f"/api/v1/cache{query}").json() == {"removed": len(found)}
    assert set(left(kept)) == {"0001", "0002", "0003"} - set(found)


def test_without_a_filter_all_goes(control: Any, kept: FakeCache) -> None:
    assert control.client.delete("/api/v1/cache").json() == {"removed": 3}
    assert kept.entries == []


@pytest.mark.parametrize("query", ["?modle=o3", "?model=", "?model=a&model2=b", "?limit=5"])
def test_a_purge_whose_filter_cannot_be_meant_takes_nothing(
    control: Any, kept: FakeCache, query: str
) -> None:
    answer = control.client.delete(f"/api/v1/cache{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert len(kept.entries) == 3


@pytest.mark.parametrize("query", ["?limit=0", "?limit=501", "?cursor=x", "?page=2"])
def test_a_page_that_cannot_be(control: Any, kept: FakeCache, query: str) -> None:
    answer = control.client.get(f"/api/v1/cache{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert query[1:].split("=")[0] in answer.json()["detail"]


def test_one_is_taken_away_once(control: Any, kept: FakeCache) -> None:
    path = f"/api/v1/cache/{kept.entries[1]['id']}"
    assert control.client.delete(path).status_code == 204
    assert left(kept) == ["0001", "0003"]
    again = control.client.delete(path)
    assert (again.status_code, again.json()["code"]) == (404, "not_found")


def test_the_admin_token_is_asked_for(make: Any) -> None:
    control = make(auth_required=True)
    for method, path in (("GET", "cache"), ("DELETE", "cache"), ("DELETE", "cache/x")):
        assert control.client.request(method, f"/api/v1/{path}").status_code == 401


def test_the_fields_are_described(control: Any) -> None:
    document = control.client.get("/openapi.json").json()
    assert document["components"]["schemas"]["CacheEntry"]["properties"].keys() == entry().keys()
    parameters = document["paths"]["/api/v1/cache"]["delete"]["parameters"]
    assert {parameter["name"] for parameter in parameters} == {"model", "tenant", "route", "text"}
