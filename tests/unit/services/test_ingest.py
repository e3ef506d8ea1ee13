from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from ferrogate.errors import NotFoundError, StoreError
from ferrogate.services.folder_lock import FolderLock
from ferrogate.services.ingest import INGEST_LOCK, IngestService
from ferrogate.services.upkeep import Retention, Upkeep
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


WIDTH = len(REQUEST_COLUMNS)


def record(number: int, **given: Any) -> list[Any]:
    row: dict[str, Any] = {
        "request_id": f"01JD{number:022d}", "started_ms": int(time.time() * 1_000), "door": "native",
        "tenant": "local", "gateway_key": "", "operation": "chat.completions", "path": "/v1/chat/completions",
        "model": "gpt", "provider": "openai", "upstream_model": "gpt", "key_id": "key_1", "key_name": "main",
        "status": 200, "outcome": "ok", "error": None, "stream": False, "cache": "off", "attempts": 1,
        "attempts_json": None, "input_tokens": 10, "output_tokens": 20, "cached_tokens": None,
        "finish_reason": "stop", "duration_us": 1_000, "ttft_us": None, "overhead_us": 40, "queue_us": 1,
        "upstream_us": 900, "request_bytes": 600, "response_bytes": 400,
        "client_request_id": None, "tags": None, "similarity": None, "veto": None, "hooks": None,
        "payload": "none", "payload_segment": None,
            "payload_offset": None, "payload_bytes": None,
    }  # fmt: skip
    row |= given
    assert tuple(row) == REQUEST_COLUMNS
    return list(row.values())


@dataclass
class FakeJournal:
    """Segments of a few rows each, read by position as the engine's are."""

    rows: list[list[Any]] = field(default_factory=list)
    per_segment: int = 700
    released: list[int] = field(default_factory=list)
    reads: int = 0
    fails: int = 0

    def journal_read(self, segment: int, offset: int, max_rows: int) -> tuple[int, list[Any], int, int]:
        self.reads += 1
        if self.fails:
            self.fails -= 1
            raise OSError("the disk is gone")
        start = segment * self.per_segment + offset
        end = min(start + max_rows, len(self.rows), (segment + 1) * self.per_segment)
        taken = self.rows[start:end]
        if end == (segment + 1) * self.per_segment:
            segment, offset = segment + 1, 0
        else:
            offset += len(taken)
        return len(taken), [value for row in taken for value in row], segment, offset

    def journal_release(self, segment: int) -> int:
        self.released.append(segment)
        return 1


def count(gateway: Any) -> int:
    with gateway.store.database.read() as connection:
        found: int = connection.exec_driver_sql("SELECT count(*) FROM requests").scalar()
    return found


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.02)


def test_everything_in_the_journal_is_in_the_log_once(gateway: Any) -> None:
    journal = FakeJournal([record(number) for number in range(1_650)])
    ingest = IngestService(gateway.store, journal)
    while ingest.ingest_once():
        pass
    assert count(gateway) == 1_650
    assert journal.released == [1, 2]
    assert ingest.ingest_once() == 0
    assert ingest.status().rows == 1_650
    with gateway.store.database.read() as connection:
        assert gateway.store.requests.position(connection) == (2, 250)


def test_a_new_process_goes_on_where_the_old_one_was(make: Any) -> None:
    journal = FakeJournal([record(number) for number in range(30)])
    IngestService(make().store, journal).ingest_once()
    journal.rows += [record(number) for number in range(30, 40)]
    again = make()
    assert IngestService(again.store, journal).ingest_once() == 10
    assert count(again) == 40


def test_a_position_that_was_lost_makes_no_second_row(gateway: Any) -> None:
    journal = FakeJournal([record(number) for number in range(30)])
    ingest = IngestService(gateway.store, journal)
    ingest.ingest_once()
    with gateway.store.database.write() as connection:
        gateway.store.requests.advance(connection, 0, 10)
    assert ingest.ingest_once() == 20
    assert count(gateway) == 30


def test_a_batch_that_fails_moves_neither_rows_nor_position(gateway: Any) -> None:
    journal = FakeJournal([record(number) for number in range(10)])
    ingest = IngestService(gateway.store, journal)
    with gateway.store.database.read() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=1")
    other = sqlite3.connect(gateway.store.database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        ingest.ingest_once()
    other.execute("ROLLBACK")
    other.close()
    with gateway.store.database.read() as connection:
        assert gateway.store.requests.position(connection) == (0, 0)
    assert ingest.ingest_once() == 10
    assert count(gateway) == 10


def test_a_row_that_the_table_refuses_does_not_stop_the_log(gateway: Any) -> None:
    bad = record(3, provider=None)
    journal = FakeJournal([record(1), record(2), bad, record(4)])
    ingest = IngestService(gateway.store, journal)
    assert ingest.ingest_once() == 4
    assert count(gateway) == 3
    assert (ingest.status().rows, ingest.status().rejected) == (3, 1)
    assert ingest.ingest_once() == 0


def test_the_thread_shows_rows_and_reads_the_rest_at_the_end(gateway: Any) -> None:
    journal = FakeJournal([record(1)])
    ingest = IngestService(gateway.store, journal)
    ingest.start()
    ingest.start()
    assert [one.name for one in threading.enumerate()].count("ferrogate-ingest") == 1
    until(lambda: count(gateway) == 1)
    journal.rows.append(record(2))
    assert ingest.stop()
    assert count(gateway) == 2
    assert "ferrogate-ingest" not in [one.name for one in threading.enumerate()]


def test_the_thread_survives_a_failing_journal(gateway: Any, caplog: pytest.LogCaptureFixture) -> None:
    journal = FakeJournal([record(1)], fails=2)
    ingest = IngestService(gateway.store, journal)
    ingest.start()
    until(lambda: count(gateway) == 1)
    assert ingest.stop()
    assert ingest.status().failures == 2
    assert "the disk is gone" in caplog.text


def test_old_rows_go(gateway: Any) -> None:
    old = [record(number, started_ms=1_000) for number in range(5)]
    journal = FakeJournal(old + [record(number) for number in range(5, 12)])
    upkeep = Upkeep(gateway.store, lambda: Retention(rows=6, age_ms=60_000))
    ingest = IngestService(gateway.store, journal, upkeep)
    ingest.ingest_once()
    assert upkeep.prune() == 6
    assert ingest.status().pruned == 6
    with gateway.store.database.read() as connection:
        left = [row["request_id"] for row in gateway.store.requests.page(connection, LogFilter(), 50, None)]
    assert left == [record(number)[0] for number in range(11, 5, -1)]


def entry(gateway: Any, **given: Any) -> dict[str, Any]:
    direct_log(gateway.store)([record(7, **given)])
    found: dict[str, Any] = gateway.services.logs.get(record(7)[0])
    return found


def test_an_entry_in_the_shape_that_people_read(gateway: Any) -> None:
    found = entry(
        gateway, started_ms=1_750_000_000_123, stream=True, ttft_us=200_000, duration_us=1_150_000,
        client_request_id="mine", tags='{"team":"a"}', cached_tokens=4,
    )  # fmt: skip
    assert found["started_at"] == "2025-06-15T15:06:40.123Z"
    assert found["key"] == "main"
    assert found["gateway_key"] is None
    assert found["stream"] is True
    assert found["tokens"] == {"input": 10, "output": 20, "cached": 4}
    assert found["latency"] == {
        "total_ms": 1_150.0, "ttft_ms": 200.0, "per_token_ms": 50.0, "overhead_ms": 0.04, "queue_ms": 0.001,
        "upstream_ms": 0.9,
    }  # fmt: skip
    assert found["tags"] == {"team": "a"}
    assert gateway.services.logs.get("mine") == found


def test_the_one_attempt_that_went_well_is_told_from_the_row(gateway: Any) -> None:
    (attempt,) = entry(gateway)["attempts"]
    told = {name: value for name, value in attempt.items() if value not in (None, False, [])}
    assert told == {
        "provider": "openai",
        "key": "main",
        "model": "gpt",
        "status": 200,
        "duration_ms": 0.9,
    }


def test_recorded_attempts_are_told_as_recorded(gateway: Any) -> None:
    first = (
        '{"provider":"a","key":"k","model":"m","status":null,"error":"upstream_connect","duration_us":1500}'
    )
    second = '{"provider":"b","key":"l","model":"n","status":200,"error":null,"duration_us":2000}'
    found = entry(gateway, attempts=2, attempts_json=f"[{first},{second}]")["attempts"]
    assert [(one["provider"], one["error"], one["duration_ms"]) for one in found] == [
        ("a", "upstream_connect", 1.5), ("b", None, 2.0),
    ]  # fmt: skip


def test_no_attempt_where_none_was_made(gateway: Any) -> None:
    refused = entry(
        gateway, provider="", key_id="", key_name="", status=404, outcome="error", error="provider_not_found",
        attempts=0,
    )  # fmt: skip
    assert (refused["attempts"], refused["provider"], refused["key"]) == ([], None, None)


@pytest.mark.parametrize(
    "given",
    [
        {"stream": False, "ttft_us": 5},
        {"stream": True, "ttft_us": None},
        {"stream": True, "ttft_us": 5, "output_tokens": 1},
        {"stream": True, "ttft_us": 5, "output_tokens": None},
    ],
)
def test_no_time_per_token_where_there_is_none(gateway: Any, given: dict[str, Any]) -> None:
    assert entry(gateway, **given)["latency"]["per_token_ms"] is None


def test_an_unknown_request(gateway: Any) -> None:
    with pytest.raises(NotFoundError, match="two seconds"):
        gateway.services.logs.get("nothing")


def test_one_process_at_a_time_moves_records(make: Any, tmp_path: Any) -> None:
    journal = FakeJournal([record(1)])
    one, other = (FolderLock(tmp_path, INGEST_LOCK) for _ in range(2))
    first = IngestService(make().store, journal, lock=one)
    first.start()
    until(lambda: first.status().rows == 1)
    store = make().store
    second = IngestService(store, journal, lock=other)
    second.start()
    until(lambda: second.status().waiting)
    journal.rows.append(record(2))
    until(lambda: first.status().rows == 2)
    assert second.status().rows == 0
    assert first.stop()
    assert not one.is_held
    journal.rows.append(record(3))
    until(lambda: second.status().rows == 1)
    assert not second.status().waiting
    assert second.stop()


def test_who_has_no_lock_ends_without_a_look(gateway: Any, tmp_path: Any) -> None:
    journal = FakeJournal([record(1)])
    holder = FolderLock(tmp_path, INGEST_LOCK)
    assert holder.take()
    ingest = IngestService(gateway.store, journal, lock=FolderLock(tmp_path, INGEST_LOCK))
    ingest.start()
    assert ingest.stop()
    assert (journal.reads, count(gateway)) == (0, 0)
    holder.release()


def test_rows_are_counted_for_the_charts_before_they_go(gateway: Any) -> None:
    minute = 1_750_000_020_000
    direct_log(gateway.store)([record(number, started_ms=minute + number) for number in range(30)])
    upkeep = Upkeep(gateway.store, lambda: Retention(rows=10, age_ms=10**15, chart_age_ms=10**15))
    assert upkeep.prune() == 20
    asked = LogFilter(since_ms=minute, until_ms=minute + 60_000)
    assert gateway.services.logs.stats(asked)["totals"]["requests"] == 30
    upkeep = Upkeep(gateway.store, lambda: Retention(chart_age_ms=60_000))
    upkeep.prune()
    assert gateway.services.logs.stats(asked)["totals"]["requests"] == 0


def test_charts_are_counted_now_and_then(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every few seconds, or when many rows wait; whoever asks meanwhile sees every row."""
    now = [10**12]
    monkeypatch.setattr("ferrogate.services.upkeep.now_ms", lambda: now[0])
    upkeep = Upkeep(gateway.store)

    def uncounted(more: int) -> int:
        upkeep.count_if_due(more)
        with gateway.store.database.read() as connection:
            newest = connection.exec_driver_sql("SELECT max(id) FROM requests").scalar() or 0
            return int(newest) - gateway.store.rollups.mark(connection)

    write = direct_log(gateway.store)
    write([record(number) for number in range(10)])
    assert uncounted(10) == 0
    write([record(number) for number in range(10, 30)])
    assert uncounted(20) == 20
    assert gateway.services.logs.stats(LogFilter())["totals"]["requests"] == 30
    now[0] += 5_000
    assert uncounted(0) == 0
    write([record(number) for number in range(30, 40)])
    assert uncounted(4_999) == 10
    assert uncounted(1) == 0


def test_the_log_s_bounds_are_settings(make: Any) -> None:
    gateway = make("log: {rows: 3, retention: 100d, chart_retention: 200d}\n")
    direct_log(gateway.store)([record(number) for number in range(9)])
    assert gateway.services.upkeep.prune() == 6
    gateway.services.configuration.change_settings({"log.payload_limit": "1kB"})
    assert gateway.engine.applied[-1].log.payload_limit_bytes == 1_000


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux only")
def test_the_thread_steps_back_behind_those_that_serve(gateway: Any) -> None:
    asked = threading.Event()
    found: list[int] = []

    class Watched(FakeJournal):
        def journal_read(self, segment: int, offset: int, max_rows: int) -> tuple[int, list[Any], int, int]:
            found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            asked.set()
            return super().journal_read(segment, offset, max_rows)

    ingest = IngestService(gateway.store, Watched())
    ingest.start()
    assert asked.wait(30)
    assert ingest.stop(30)
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert found[0] == min(own + 10, 19)
