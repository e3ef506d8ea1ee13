from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ferrogate.store import Store
from ferrogate.store.request_stats import Bucket, buckets
from ferrogate.store.requests import LogFilter
from ferrogate.store.rollups import MINUTE_MS
from ferrogate.store.tables import REQUEST_COLUMNS

START_MS = 1_750_000_000_000 // MINUTE_MS * MINUTE_MS


def record(number: int, **given: Any) -> list[Any]:
    row: dict[str, Any] = dict.fromkeys(REQUEST_COLUMNS, "")
    row |= dict.fromkeys(
        ("error", "attempts_json", "cached_tokens", "finish_reason", "ttft_us", "upstream_us",
         "client_request_id", "tags", "payload_segment", "payload_offset", "payload_bytes",
         "similarity", "veto", "hooks"),
    )  # fmt: skip
    row |= dict.fromkeys(
        ("stream", "attempts", "overhead_us", "queue_us", "request_bytes", "response_bytes"), 0
    )
    row |= {
        "request_id": f"{number:026d}", "started_ms": START_MS + number * 1_000, "status": 200,
        "outcome": "ok", "model": "m", "upstream_model": "u", "provider": "openai", "key_id": "k1",
        "key_name": "main", "input_tokens": 10, "output_tokens": 5, "duration_us": 1_000 + number,
        "payload": "none",
    }  # fmt: skip
    return list((row | given).values())


def insert(store: Store, *rows: Sequence[Any]) -> None:
    with store.database.write() as connection:
        store.requests.insert_many(connection, len(rows), [value for row in rows for value in row])


def count(store: Store, batch: int = 1_000) -> int:
    with store.database.write() as connection:
        return store.rollups.count(connection, batch)


def read(store: Store, asked: LogFilter | None = None, bucket_ms: int = MINUTE_MS) -> list[Bucket]:
    with store.database.read() as connection:
        return store.rollups.buckets(connection, asked or LogFilter(), bucket_ms)


def exact(store: Store, asked: LogFilter | None = None, bucket_ms: int = MINUTE_MS) -> list[Bucket]:
    with store.database.read() as connection:
        return buckets(connection, asked or LogFilter(), bucket_ms)


def sums(found: Sequence[Bucket]) -> list[tuple[int, ...]]:
    return [
        (one.start_ms, one.requests, one.errors, one.cancelled, one.input_tokens, one.output_tokens)
        for one in found
    ]


@pytest.mark.parametrize("counted", [0, 1, 150, 300])
def test_counts_are_those_of_the_rows_however_far_the_counting_got(store: Store, counted: int) -> None:
    outcomes = ("ok", "error", "cut", "cancelled")
    rows = [
        record(number, outcome=outcomes[number % 4], input_tokens=None if number % 5 else number,
               duration_us=(number % 50 + 1) * 10_000, ttft_us=None if number % 3 else number * 100)
        for number in range(300)
    ]  # fmt: skip
    insert(store, *rows)
    if counted:
        assert count(store, counted) == counted
    for bucket_ms in (MINUTE_MS, 2 * MINUTE_MS):
        ours, theirs = read(store, bucket_ms=bucket_ms), exact(store, bucket_ms=bucket_ms)
        assert sums(ours) == sums(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            assert mine.p50_us == pytest.approx(other.p50_us, rel=0.1)
            assert mine.p95_us == pytest.approx(other.p95_us, rel=0.1)
            assert mine.ttft_p50_us == pytest.approx(other.ttft_p50_us, rel=0.1)


def test_a_row_is_counted_once_in_whatever_batches(store: Store) -> None:
    insert(store, *(record(number) for number in range(10)))
    assert [count(store, 4) for _ in range(4)] == [4, 4, 2, 0]
    insert(store, record(10, started_ms=START_MS))
    with store.database.read() as connection:
        assert store.rollups.is_behind(connection)
    assert count(store) == 1
    assert [one.requests for one in read(store)] == [11], "a long stream adds to the minute of its start"


def test_counts_outlive_the_rows(store: Store) -> None:
    insert(store, *(record(number) for number in range(120)))
    count(store)
    before = read(store)
    with store.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM requests")
    assert read(store) == before
    assert sum(one.requests for one in before) == 120
    assert exact(store) == []


def test_counts_can_be_narrowed(store: Store) -> None:
    insert(
        store, record(1), record(2, provider="groq", model="g", upstream_model="g1", key_name="spare"),
        record(3, provider="", model="client's own words", key_id="", key_name="", outcome="error"),
    )  # fmt: skip
    for counted in (False, True):
        if counted:
            count(store)
        asked = [
            LogFilter(provider="groq"), LogFilter(model="g1"), LogFilter(model="g"), LogFilter(key="spare"),
            LogFilter(key="k1"), LogFilter(provider="nobody"),
        ]  # fmt: skip
        assert [sum(one.requests for one in read(store, one)) for one in asked] == [1, 1, 1, 1, 2, 0]
    with store.database.read() as connection:
        names = connection.exec_driver_sql("SELECT model FROM rollup_series WHERE provider = ''").scalars()
        assert list(names) == [""], "what no provider answers to is no name to keep"


def test_the_window_is_widened_to_whole_minutes(store: Store) -> None:
    insert(store, *(record(number) for number in range(0, 300, 10)))
    window = LogFilter(since_ms=START_MS + 90_000, until_ms=START_MS + 130_000)
    expected = [(START_MS + MINUTE_MS, 6), (START_MS + 2 * MINUTE_MS, 6)]
    assert [(one.start_ms, one.requests) for one in read(store, window)] == expected
    count(store)
    assert [(one.start_ms, one.requests) for one in read(store, window)] == expected


def test_too_many_series_are_counted_together(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ferrogate.store.rollups._MOST_SERIES", 2)
    for number in range(6):
        insert(store, record(number, model=f"m{number}"))
        count(store)
    assert sum(one.requests for one in read(store)) == 6
    found = [sum(one.requests for one in read(store, LogFilter(model=name))) for name in ("m0", "m5", "*")]
    assert found == [1, 0, 4]


def test_old_minutes_go(store: Store) -> None:
    insert(store, record(0), record(100, model="later"))
    count(store)
    with store.database.write() as connection:
        assert store.rollups.prune(connection, START_MS + MINUTE_MS) == 1
        left = connection.exec_driver_sql("SELECT model FROM rollup_series").scalars()
        assert list(left) == ["later"]
    assert [one.start_ms for one in read(store)] == [START_MS + MINUTE_MS]


def test_durations_beyond_all_bounds(store: Store) -> None:
    insert(store, record(0, duration_us=0), record(1, duration_us=10**12))
    count(store)
    (one,) = read(store)
    assert one.p50_us is not None
    assert one.p50_us <= 100
    assert one.p95_us == 537_533_969
