"""Counts and percentiles of the request log per span of time, for the charts.

The rows are read as they are: exact, and dear over long windows. The window is bounded by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from ferrogate.store.requests import LogFilter
from ferrogate.store.tables import requests

__all__ = ["Bucket", "buckets"]

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SLACK_MS = 60_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """What happened in one span of time. Durations are microseconds; None where nothing was measured."""

    start_ms: int
    requests: int
    errors: int
    cancelled: int
    input_tokens: int
    output_tokens: int
    p50_us: int | None
    p95_us: int | None
    ttft_p50_us: int | None


def buckets(connection: Connection, asked: LogFilter, bucket_ms: int) -> list[Bucket]:
    """Return one entry per span of ``bucket_ms`` that saw a request, oldest first.

    Percentiles are by nearest rank.
    """
    columns = requests.c
    span = (columns.started_ms // bucket_ms).label("span")
    rows = select(
        span,
        columns.outcome,
        columns.input_tokens,
        columns.output_tokens,
        columns.duration_us,
        columns.ttft_us,
        _rank(columns.duration_us, span).label("place"),
        _rank(columns.ttft_us, span).label("ttft_place"),
        func.count().over(partition_by=span).label("size"),
        func.count(columns.ttft_us).over(partition_by=span).label("ttft_size"),
    ).where(*asked.clauses())
    if asked.since_ms is not None:
        # Request ids begin with their time, so their index finds the start of the window.
        rows = rows.where(columns.request_id >= _first_id(asked.since_ms - _SLACK_MS))
    ranked = rows.subquery()
    of = ranked.c
    query = (
        select(
            of.span,
            func.count(),
            func.sum(case((of.outcome.in_(("error", "cut")), 1), else_=0)),
            func.sum(case((of.outcome == "cancelled", 1), else_=0)),
            func.coalesce(func.sum(of.input_tokens), 0),
            func.coalesce(func.sum(of.output_tokens), 0),
            _percentile(of.duration_us, of.place, of.size, 50),
            _percentile(of.duration_us, of.place, of.size, 95),
            _percentile(of.ttft_us, of.ttft_place, of.ttft_size, 50),
        )
        .group_by(of.span)
        .order_by(of.span)
    )
    return [Bucket(row[0] * bucket_ms, *row[1:]) for row in connection.execute(query)]


def _rank(column: ColumnElement[Any], span: ColumnElement[Any]) -> ColumnElement[int]:
    return func.row_number().over(partition_by=span, order_by=column.asc().nulls_last())


def _percentile(
    column: ColumnElement[Any], place: ColumnElement[Any], size: ColumnElement[Any], percent: int
) -> ColumnElement[Any]:
    return func.min(case((and_(column.is_not(None), place * 100 >= size * percent), column)))


def _first_id(started_ms: int) -> str:
    """Return the smallest request id of that time."""
    number = max(started_ms, 0)
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(45, -1, -5))
