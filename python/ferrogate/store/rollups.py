"""Counts a minute, made from the request log's rows and kept when the rows are gone.

Rows are counted in the order of their ids, up to a mark that is moved in the same transaction, so each row
is counted once, whenever it began: a stream of ten minutes adds to the minute of its start. Durations are
counted in buckets a fifth wider each, so a percentile is within ten percent of the true one.

What a query asks is the counts up to the mark and the rows after it, so nothing is missing meanwhile.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select

from ferrogate.store.request_stats import Bucket
from ferrogate.store.requests import LogFilter
from ferrogate.store.tables import journal_offset, requests, rollup_series, rollup_times, rollups

__all__ = ["MINUTE_MS", "RollupRepository"]

MINUTE_MS = 60_000
_MARK = "rollups"
_MOST_SERIES = 10_000
_LONGEST_NAME = 200
_DURATION, _FIRST = 0, 1
_BOUNDS_US = tuple(round(100 * 1.2**step) for step in range(86))
"""Upper bounds of the buckets, 100 µs to some 9 minutes; the last bucket is open."""

_ADVANCE = (
    "INSERT INTO journal_offset (reader, segment, position) VALUES (?, 0, ?)"
    " ON CONFLICT (reader) DO UPDATE SET position = excluded.position"
)
_SUMS = ("requests", "errors", "cancelled", "input_tokens", "output_tokens")
_NAMES = ("provider", "model", "upstream_model", "key_id", "key_name")


def _named(name: str) -> str:
    """One name of a row's series. Without a provider it is the client's own words, and they never end."""
    cut = f"substr(r.{name}, 1, {_LONGEST_NAME})"
    return f"CASE WHEN r.provider = '' THEN '' ELSE {cut} END"


_NEW_SERIES = (
    f"INSERT INTO rollup_series ({', '.join(_NAMES)})"  # noqa: S608 (names only)
    f" SELECT DISTINCT {', '.join(_named(name) for name in _NAMES)} FROM requests r"
    " WHERE r.id > ? AND r.id <= ? ON CONFLICT DO NOTHING"
)
_JOINED = (
    "FROM requests r LEFT JOIN rollup_series s ON "
    + " AND ".join(f"s.{name} = {_named(name)}" for name in _NAMES)
    + " WHERE r.id > ? AND r.id <= ?"
)
_MINUTE = f"r.started_ms / {MINUTE_MS} * {MINUTE_MS}"
_COUNTS = (
    "INSERT INTO rollups (minute_ms, series, requests, errors, cancelled, input_tokens, output_tokens)"
    f" SELECT {_MINUTE}, COALESCE(s.id, ?), count(*),"
    " sum(CASE WHEN r.outcome IN ('error', 'cut') THEN 1 ELSE 0 END),"
    " sum(CASE WHEN r.outcome = 'cancelled' THEN 1 ELSE 0 END),"
    " COALESCE(sum(r.input_tokens), 0), COALESCE(sum(r.output_tokens), 0)"
    f" {_JOINED} GROUP BY 1, 2 ON CONFLICT (minute_ms, series) DO UPDATE SET "
    + ", ".join(f"{name} = rollups.{name} + excluded.{name}" for name in _SUMS)
)


def _bucket_sql(column: str, low: int = 0, high: int = len(_BOUNDS_US)) -> str:
    """Return the number of the first bound that is not below the column, by a tree of comparisons."""
    if low == high:
        return str(low)
    middle = (low + high) // 2
    lower, upper = _bucket_sql(column, low, middle), _bucket_sql(column, middle + 1, high)
    return f"CASE WHEN {column} <= {_BOUNDS_US[middle]} THEN {lower} ELSE {upper} END"


def _times_sql(measure: int, column: str) -> str:
    return (
        "INSERT INTO rollup_times (minute_ms, series, measure, bucket, requests)"
        f" SELECT {_MINUTE}, COALESCE(s.id, ?), {measure}, {_bucket_sql(column)}, count(*)"
        f" {_JOINED} AND {column} IS NOT NULL GROUP BY 1, 2, 4"
        " ON CONFLICT (minute_ms, series, measure, bucket) DO UPDATE SET"
        " requests = rollup_times.requests + excluded.requests"
    )


_TIMES = (_times_sql(_DURATION, "r.duration_us"), _times_sql(_FIRST, "r.ttft_us"))


class RollupRepository:
    """Rows of ``rollups`` and its companions, and the mark up to which the log's rows are counted."""

    def mark(self, connection: Connection) -> int:
        """Return the id of the last row that is counted."""
        query = select(journal_offset.c.position).where(journal_offset.c.reader == _MARK)
        return int(connection.execute(query).scalar() or 0)

    def is_behind(self, connection: Connection) -> bool:
        """Whether there are rows to count."""
        newest = connection.execute(select(func.max(requests.c.id))).scalar() or 0
        return bool(newest > self.mark(connection))

    def count(self, connection: Connection, batch: int) -> int:
        """Count up to ``batch`` more rows; returns how many ids the mark moved."""
        low = self.mark(connection)
        newest = connection.execute(select(func.max(requests.c.id))).scalar() or 0
        high = min(newest, low + batch)
        if high <= low:
            return 0
        rest = self._rest(connection)
        if rest is None:
            connection.exec_driver_sql(_NEW_SERIES, (low, high))
        for statement in (_COUNTS, *_TIMES):
            connection.exec_driver_sql(statement, (rest, low, high))
        connection.exec_driver_sql(_ADVANCE, (_MARK, high))
        return high - low

    def prune(self, connection: Connection, older_than_ms: int) -> int:
        """Delete the minutes before a time, and series that nothing belongs to any more."""
        gone = connection.execute(delete(rollups).where(rollups.c.minute_ms < older_than_ms)).rowcount
        if gone:
            connection.execute(delete(rollup_times).where(rollup_times.c.minute_ms < older_than_ms))
            used = select(rollups.c.series).distinct()
            connection.execute(delete(rollup_series).where(rollup_series.c.id.not_in(used)))
        return gone

    def buckets(self, connection: Connection, asked: LogFilter, bucket_ms: int) -> list[Bucket]:
        """Return one entry per span of whole minutes that saw a request, oldest first.

        The filter's window is widened to whole minutes; of its other parts provider, model and key count.
        """
        spans: defaultdict[int, _Span] = defaultdict(_Span)
        where = _clauses(asked)
        span = rollups.c.minute_ms // bucket_ms
        counted = (
            select(span, *(func.sum(rollups.c[name]) for name in _SUMS))
            .join(rollup_series, rollup_series.c.id == rollups.c.series)
            .where(*where, *_window(rollups.c.minute_ms, asked))
            .group_by(span)
        )
        for at, *sums in connection.execute(counted):
            spans[at].add(*sums)
        columns = rollup_times.c
        span = columns.minute_ms // bucket_ms
        timed = (
            select(span, columns.measure, columns.bucket, func.sum(columns.requests))
            .join(rollup_series, rollup_series.c.id == columns.series)
            .where(*where, *_window(columns.minute_ms, asked))
            .group_by(span, columns.measure, columns.bucket)
        )
        for at, measure, place, number in connection.execute(timed):
            spans[at].times[measure][place] += number
        self._add_uncounted(connection, asked, bucket_ms, spans)
        return [spans[span].bucket(span * bucket_ms) for span in sorted(spans)]

    def _add_uncounted(
        self, connection: Connection, asked: LogFilter, bucket_ms: int, spans: defaultdict[int, _Span]
    ) -> None:
        """Add the rows after the mark; as a rule there are none, or those of the last second."""
        columns = requests.c
        since, until = _edges(asked)
        narrowed = replace(asked, since_ms=since, until_ms=until)
        query = select(
            columns.started_ms,
            columns.outcome,
            columns.input_tokens,
            columns.output_tokens,
            columns.duration_us,
            columns.ttft_us,
        ).where(columns.id > self.mark(connection), *narrowed.clauses())
        for started_ms, outcome, tokens_in, tokens_out, duration_us, ttft_us in connection.execute(query):
            span = spans[started_ms // bucket_ms]
            failed, left = outcome in ("error", "cut"), outcome == "cancelled"
            span.add(1, failed, left, tokens_in or 0, tokens_out or 0)
            span.times[_DURATION][bisect_left(_BOUNDS_US, duration_us)] += 1
            if ttft_us is not None:
                span.times[_FIRST][bisect_left(_BOUNDS_US, ttft_us)] += 1

    def _rest(self, connection: Connection) -> int | None:
        """Return the series that stands for all others where there are too many, else None."""
        if (connection.execute(select(func.count()).select_from(rollup_series)).scalar() or 0) < _MOST_SERIES:
            return None
        star = dict.fromkeys(_NAMES, "*")
        found = connection.execute(
            select(rollup_series.c.id).where(*(rollup_series.c[name] == "*" for name in _NAMES))
        ).scalar()
        if found is None:
            found = connection.execute(
                insert(rollup_series).values(star).returning(rollup_series.c.id)
            ).scalar_one()
        return int(found)


class _Span:
    """What is added up for one span of time."""

    def __init__(self) -> None:
        self._requests = self._errors = self._cancelled = self._input = self._output = 0
        self.times = ([0] * (len(_BOUNDS_US) + 1), [0] * (len(_BOUNDS_US) + 1))

    def add(self, number: int, errors: int, cancelled: int, tokens_in: int, tokens_out: int) -> None:
        """Add what some requests were."""
        self._requests += number
        self._errors += errors
        self._cancelled += cancelled
        self._input += tokens_in
        self._output += tokens_out

    def bucket(self, start_ms: int) -> Bucket:
        """In the shape that queries of rows give."""
        durations, firsts = self.times
        return Bucket(
            start_ms=start_ms,
            requests=self._requests,
            errors=self._errors,
            cancelled=self._cancelled,
            input_tokens=self._input,
            output_tokens=self._output,
            p50_us=_percentile(durations, 50),
            p95_us=_percentile(durations, 95),
            ttft_p50_us=_percentile(firsts, 50),
        )


def _percentile(counts: Sequence[int], percent: int) -> int | None:
    """By nearest rank, as if the requests of a bucket were spread evenly over it."""
    total = sum(counts)
    if total == 0:
        return None
    rank = max(1, -(-total * percent // 100))
    at = bisect_left(list(accumulate(counts)), rank)
    if at == len(_BOUNDS_US):
        return _BOUNDS_US[-1]
    lower = _BOUNDS_US[at - 1] if at else 0
    within = (rank - sum(counts[:at])) / counts[at]
    return round(lower + (_BOUNDS_US[at] - lower) * within)


def _edges(asked: LogFilter) -> tuple[int | None, int | None]:
    """Return the window, widened to whole minutes."""
    since, until = asked.since_ms, asked.until_ms
    return (
        None if since is None else since // MINUTE_MS * MINUTE_MS,
        None if until is None else -(-until // MINUTE_MS) * MINUTE_MS,
    )


def _window(minute: ColumnElement[int], asked: LogFilter) -> Iterable[ColumnElement[bool]]:
    since, until = _edges(asked)
    if since is not None:
        yield minute >= since
    if until is not None:
        yield minute < until


def _clauses(asked: LogFilter) -> list[ColumnElement[bool]]:
    series = rollup_series.c
    found: list[ColumnElement[bool]] = []
    if asked.provider is not None:
        found.append(series.provider == asked.provider)
    if asked.model is not None:
        found.append(or_(series.model == asked.model, series.upstream_model == asked.model))
    if asked.key is not None:
        found.append(or_(series.key_id == asked.key, series.key_name == asked.key))
    return found
