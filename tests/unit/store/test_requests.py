from __future__ import annotations

from typing import Any

import psutil
import pytest
from sqlalchemy.exc import IntegrityError

from ferrogate.store import Store
from ferrogate.store.request_stats import buckets
from ferrogate.store.requests import LogFilter
from ferrogate.store.tables import REQUEST_COLUMNS

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
START_MS = 1_750_000_020_000


def ulid(started_ms: int, number: int) -> str:
    value = (started_ms << 80) | number
    return "".join(CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def record(number: int, **given: Any) -> list[Any]:
    started_ms = given.pop("started_ms", START_MS + number)
    row: dict[str, Any] = {
        "request_id": ulid(started_ms, number), "started_ms": started_ms, "door": "native", "tenant": "local",
        "gateway_key": "", "operation": "chat.completions", "path": "/v1/chat/completions", "model": "gpt",
        "provider": "openai", "upstream_model": "gpt", "key_id": "key_1", "key_name": "main", "status": 200,
        "outcome": "ok", "error": None, "stream": 0, "cache": "off", "attempts": 1, "attempts_json": None,
        "input_tokens": 10, "output_tokens": 20, "cached_tokens": None, "finish_reason": "stop",
        "duration_us": 1_000 * (number + 1), "ttft_us": None, "overhead_us": 40, "queue_us": 1,
        "upstream_us": 900, "request_bytes": 600, "response_bytes": 400,
        "client_request_id": None, "tags": None, "similarity": None, "veto": None, "hooks": None,
        "payload": "none", "payload_segment": None,
            "payload_offset": None, "payload_bytes": None,
    }  # fmt: skip
    row |= given
    assert tuple(row) == REQUEST_COLUMNS
    return list(row.values())


def insert(store: Store, *records: list[Any]) -> None:
    with store.database.write() as connection:
        store.requests.insert_many(connection, len(records), [value for one in records for value in one])


def numbers(store: Store, asked: LogFilter) -> list[int]:
    with store.database.read() as connection:
        return [row["duration_us"] // 1_000 - 1 for row in store.requests.page(connection, asked, 100, None)]


def test_a_batch_goes_in_whole_and_comes_out_newest_first(store: Store) -> None:
    insert(store, *(record(number) for number in range(500)))
    with store.database.read() as connection:
        page = store.requests.page(connection, LogFilter(), 3, None)
        older = store.requests.page(connection, LogFilter(), 3, page[-1]["id"])
    assert [row["duration_us"] for row in page] == [500_000, 499_000, 498_000]
    assert [row["duration_us"] for row in older] == [497_000, 496_000, 495_000]


def test_the_same_request_twice_is_one_row(store: Store) -> None:
    insert(store, record(1))
    insert(store, record(1, status=500), record(2))
    assert numbers(store, LogFilter()) == [2, 1]
    with store.database.read() as connection:
        found = store.requests.find(connection, record(1)[0])
    assert found is not None
    assert found["status"] == 200


def test_a_row_without_what_it_needs_is_refused(store: Store) -> None:
    with pytest.raises(IntegrityError):
        insert(store, record(1, provider=None))
    assert numbers(store, LogFilter()) == []


def test_the_position_is_part_of_the_transaction(store: Store) -> None:
    with store.database.read() as connection:
        assert store.requests.position(connection) == (0, 0)
    for position in ((3, 128), (4, 64)):
        with store.database.write() as connection:
            store.requests.advance(connection, *position)

    def fail_after_the_advance() -> None:
        with store.database.write() as connection:
            store.requests.advance(connection, 9, 9)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_the_advance()
    with store.database.read() as connection:
        assert store.requests.position(connection) == (4, 64)


def test_found_by_the_gateway_s_id_or_the_client_s(store: Store) -> None:
    insert(store, record(1, client_request_id="abc"), record(2, client_request_id="abc"), record(3))
    with store.database.read() as connection:
        newest = store.requests.find(connection, "abc")
        exact = store.requests.find(connection, record(3)[0])
        assert store.requests.find(connection, "nothing") is None
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT * FROM requests WHERE client_request_id = 'abc'"
        ).fetchall()
    assert newest is not None
    assert exact is not None
    assert newest["duration_us"] == 3_000
    assert exact["duration_us"] == 4_000
    assert "ix_requests_client_request_id" in str(plan)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (LogFilter(provider="groq"), [1]),
        (LogFilter(model="fast"), [2]),
        (LogFilter(model="llama"), [1]),
        (LogFilter(key="spare"), [3]),
        (LogFilter(key="key_9"), [3]),
        (LogFilter(status=429), [2]),
        (LogFilter(status=5), [3]),
        (LogFilter(cache="hit-exact"), []),
        (LogFilter(tag=("team", "a")), [0]),
        (LogFilter(tag=("team", None)), [1, 0]),
        (LogFilter(tag=("te'am", None)), []),
        (LogFilter(text="fas"), [2]),
        (LogFilter(text="100%"), [3]),
        (LogFilter(text="0_"), []),
        (LogFilter(since_ms=START_MS + 2), [3, 2]),
        (LogFilter(until_ms=START_MS + 2), [1, 0]),
        (LogFilter(since_ms=START_MS + 1, status=2), [1]),
    ],
)
def test_filters(store: Store, asked: LogFilter, expected: list[int]) -> None:
    insert(
        store,
        record(0, tags='{"team":"a"}'),
        record(1, provider="groq", upstream_model="llama", tags='{"team":"b"}'),
        record(2, model="fast", status=429, outcome="error", error="upstream_status"),
        record(3, key_name="spare", key_id="key_9", status=502, outcome="error", path="/v1/100%"),
    )
    assert numbers(store, asked) == expected


def test_pruning_by_count_and_by_age(store: Store) -> None:
    insert(store, *(record(number) for number in range(20)))
    with store.database.write() as connection:
        gone = store.requests.prune(connection, keep_rows=15, older_than_ms=0, batch=3, counted=99)
        assert gone == 3
        gone = store.requests.prune(connection, keep_rows=15, older_than_ms=0, batch=100, counted=99)
        assert gone == 2
        gone = store.requests.prune(
            connection, keep_rows=100, older_than_ms=START_MS + 18, batch=100, counted=10
        )
        assert gone == 5, "those that the charts do not know yet stay"
        gone = store.requests.prune(
            connection, keep_rows=100, older_than_ms=START_MS + 18, batch=100, counted=99
        )
        assert gone == 8
    assert numbers(store, LogFilter()) == [19, 18]


def test_pruning_an_empty_log(store: Store) -> None:
    with store.database.write() as connection:
        assert store.requests.prune(connection, keep_rows=1, older_than_ms=0, batch=10, counted=9) == 0


def test_buckets_count_and_rank_exactly(store: Store) -> None:
    minute = START_MS // 60_000 * 60_000
    first = [
        record(
            number,
            started_ms=minute + number,
            duration_us=(number + 1) * 10,
            ttft_us=7 if number == 4 else None,
        )
        for number in range(100)
    ]
    insert(
        store,
        *first,
        record(
            100, started_ms=minute + 60_000, outcome="error", status=500, duration_us=5, input_tokens=None
        ),
        record(101, started_ms=minute + 60_001, outcome="cut", duration_us=9),
        record(102, started_ms=minute + 60_002, outcome="cancelled", duration_us=7),
    )
    with store.database.read() as connection:
        one, two = buckets(connection, LogFilter(since_ms=minute), 60_000)
        (later,) = buckets(connection, LogFilter(since_ms=minute + 60_000), 60_000)
    assert (one.start_ms, one.requests, one.errors, one.cancelled) == (minute, 100, 0, 0)
    assert (one.p50_us, one.p95_us, one.ttft_p50_us) == (500, 950, 7)
    assert (one.input_tokens, one.output_tokens) == (1_000, 2_000)
    assert (two.requests, two.errors, two.cancelled, two.input_tokens) == (3, 2, 1, 20)
    assert (two.p50_us, two.p95_us, two.ttft_p50_us) == (7, 9, None)
    assert later == two


def test_batches_of_every_size_leave_no_memory_behind(store: Store) -> None:
    """Each size is a statement of its own, and a driver's cache of them grew by 1 MB a batch."""

    def fill(sizes: range) -> None:
        for size in sizes:
            insert(store, *(record(size * 1_000 + number) for number in range(size)))

    process = psutil.Process()
    fill(range(400, 412))
    before = process.memory_info().rss
    fill(range(300, 380))
    assert process.memory_info().rss - before < 30 << 20


@pytest.mark.parametrize("number", [1, 3, 4, 19, 124, 499, 624])
def test_a_batch_of_any_size_is_whole_and_in_order(store: Store, number: int) -> None:
    records = [record(one) for one in range(number)]
    insert(store, *records)
    with store.database.read() as connection:
        found = connection.exec_driver_sql("SELECT request_id FROM requests ORDER BY id").scalars().all()
    assert found == [one[0] for one in records]
