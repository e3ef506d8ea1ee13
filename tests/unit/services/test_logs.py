from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ferrogate.services.logs import parse_filter
from ferrogate.store import Store
from ferrogate.store.requests import LogFilter
from ferrogate.store.tables import REQUEST_COLUMNS


def direct_log(store: Store) -> Callable[[Sequence[Sequence[Any]]], None]:
    """Return a function that puts rows into the log."""

    def write(rows: Sequence[Sequence[Any]]) -> None:
        with store.database.write() as connection:
            for start in range(0, len(rows), 500):
                part = rows[start : start + 500]
                store.requests.insert_many(connection, len(part), [value for row in part for value in row])

    return write


def rows(number: int) -> list[list[Any]]:
    defaults = dict.fromkeys(REQUEST_COLUMNS, "")
    numeric = [
        "status",
        "stream",
        "attempts",
        "duration_us",
        "overhead_us",
        "queue_us",
        "request_bytes",
        "response_bytes",
    ]
    nullable = [
        "error",
        "attempts_json",
        "ttft_us",
        "upstream_us",
        "cached_tokens",
        "finish_reason",
        "client_request_id",
        "tags",
        "input_tokens",
        "output_tokens",
    ]
    base: dict[str, Any] = {**defaults, **dict.fromkeys(numeric, 0), **dict.fromkeys(nullable)}
    now = int(time.time() * 1_000)
    return [
        list({**base, "request_id": f"7{index:025d}", "started_ms": now, "outcome": "ok"}.values())
        for index in range(number)
    ]


def test_pages_join_without_gap_or_repeat_while_rows_arrive(gateway: Any) -> None:
    write, made = direct_log(gateway.store), rows(40)
    write(made[:25])
    seen: list[str] = []
    cursor = None
    for turn in range(20):
        page = gateway.services.logs.page(LogFilter(), 10, cursor)
        seen += [item["request_id"] for item in page.items]
        write(made[25 + turn : 26 + turn])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [row[0] for row in reversed(made[:25])]


def test_the_last_full_page_has_no_cursor(gateway: Any) -> None:
    direct_log(gateway.store)(rows(10))
    assert gateway.services.logs.page(LogFilter(), 10).next_cursor is None
    assert gateway.services.logs.page(LogFilter(), 9).next_cursor is not None


@pytest.mark.parametrize("cursor", ["nonsense", "MTI", "", "%%", "cm5v", "ü"])
def test_a_cursor_that_nobody_gave(gateway: Any, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        gateway.services.logs.page(LogFilter(), 10, cursor)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, LogFilter()),
        ({"provider": "", "status": None}, LogFilter()),
        ({"status": "429"}, LogFilter(status=429)),
        ({"status": "5XX"}, LogFilter(status=5)),
        ({"tag": "team"}, LogFilter(tag=("team", None))),
        ({"tag": "team=a=b"}, LogFilter(tag=("team", "a=b"))),
        ({"since": "1750000000123"}, LogFilter(since_ms=1_750_000_000_123)),
        ({"until": "2025-06-15T15:06:40Z"}, LogFilter(until_ms=1_750_000_000_000)),
        ({"until": "2025-06-15T15:06:40"}, LogFilter(until_ms=1_750_000_000_000)),
        ({"until": "2025-06-15T17:06:40 02:00"}, LogFilter(until_ms=1_750_000_000_000)),
    ],
)
def test_filters_as_people_write_them(given: dict[str, str | None], expected: LogFilter) -> None:
    assert parse_filter(given) == expected


def test_an_age_is_counted_back_from_now() -> None:
    before = int(time.time() * 1_000)
    asked = parse_filter({"since": "15m"})
    after = int(time.time() * 1_000)
    assert asked.since_ms is not None
    assert before - 900_000 <= asked.since_ms <= after - 900_000


@pytest.mark.parametrize(
    "given", [{"since": "yesterday"}, {"status": "99"}, {"status": "6xx"}, {"status": "ok"}]
)
def test_filters_that_cannot_be_read(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        parse_filter(given)


def test_stats_are_bounded(gateway: Any) -> None:
    assert gateway.services.logs.stats(LogFilter())["series"] == []
    with pytest.raises(ValueError, match="bucket"):
        gateway.services.logs.stats(LogFilter(since_ms=0), 60_000)
