from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ferrogate.engine.semantic import Embedder
from ferrogate.reference.cache.flights import Flights
from ferrogate.reference.cache.meaning import Meaning
from ferrogate.reference.cache.store import Entry, Store

FOR_EVER = 2**63


def entry(key: str, *, text: str = "", size: int = 10, ttl_ms: int = 60_000, **more: Any) -> Entry:
    return Entry(
        key.encode(), b"scope", text, "local", "route", "p", "m", b"x" * size, "application/json",
        "stop", None, ttl_ms, **more,
    )  # fmt: skip


def test_the_one_that_was_used_longest_ago_makes_room() -> None:
    gone: list[bytes] = []
    store = Store(entry("a").size * 2, lambda one: gone.append(one.key))
    assert all(store.put(entry(key)) for key in "ab")
    assert store.get(b"a", FOR_EVER) is not None
    store.put(entry("c"))
    assert gone == [b"b"]
    assert [one.key for one in store] == [b"c", b"a"]
    assert store.bytes == 2 * entry("a").size
    assert not store.put(entry("huge", size=10_000))
    assert store.remove(b"a")
    assert not store.remove(b"a")


def test_nothing_is_older_than_it_may_be() -> None:
    gone: list[bytes] = []
    store = Store(10_000, lambda one: gone.append(one.key))
    store.put(entry("old", stored_ms=entry("x").stored_ms - 5_000))
    assert store.get(b"old", 4_000) is None
    assert store.get(b"old", 6_000) is not None
    store.put(entry("gone", ttl_ms=1_000, stored_ms=entry("x").stored_ms - 1_000))
    assert store.get(b"gone", FOR_EVER) is None
    assert gone == [b"gone"]
    assert store.expired == 1


async def look(meaning: Meaning, store: Store, text: str) -> Any:
    looked, _ = await meaning.look(b"scope", text, 0.75, lambda key: store.get(key, FOR_EVER))
    return looked


@pytest.mark.parametrize("scanned", [1_000, 50])
async def test_a_question_is_found_in_other_words_until_its_answer_is_gone(
    monkeypatch: pytest.MonkeyPatch, scanned: int
) -> None:
    monkeypatch.setattr("ferrogate.reference.cache.meaning._SCANNED", scanned)
    meaning = Meaning(Embedder.hashed(), 4)
    store = Store(1_000_000, meaning.forget)
    ends = ("anan", "oriso", "ulex", "etimo", "isca")
    words = [f"{first}{last}" for first in "bcdfgklmprst" for last in ends]
    asking = "how do I change the colour of {} and of {}".format
    for number, word in enumerate(words):
        kept = entry(f"k{number}", text=asking(word, word[::-1]))
        vector = await meaning.embed(kept.text)
        store.put(kept)
        meaning.learn(kept, vector)
    found = await look(meaning, store, asking(words[17], words[17][::-1]).upper() + "??")
    assert found.entry is not None
    assert found.entry.key == b"k17"
    negated = asking(words[17], words[17][::-1]).replace(" I ", " I not ")
    assert (await look(meaning, store, negated)).entry is None
    store.remove(b"k17")
    again = await look(meaning, store, asking(words[17], words[17][::-1]))
    assert again.entry is None
    assert meaning.vectors == len(words) - 1
    meaning.close()


async def test_a_full_queue_and_a_long_text_are_misses() -> None:
    meaning = Meaning(Embedder.hashed(), 0)
    store = Store(1_000, meaning.forget)
    assert (await look(meaning, store, "hello")).veto == "busy"
    assert (await look(meaning, store, "hello " * 1_000)).veto == "too_long"
    assert (meaning.busy, meaning.too_long) == (1, 1)
    meaning.close()


@pytest.mark.parametrize("answer", ["an answer", None])
async def test_those_who_join_get_what_the_call_brings(answer: str | None) -> None:
    flights = Flights()
    _, ours = flights.board(b"k", False)
    flight, theirs = flights.board(b"k", False)
    assert (ours, theirs, flights.board(b"k", True)[1]) == (True, False, True)
    waiting = [asyncio.create_task(flight.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    flights.end(b"k", False, answer)
    assert await asyncio.gather(*waiting[1:]) == [answer] * 2
    assert flights.board(b"k", False)[1], "whoever comes now makes a call of its own"
