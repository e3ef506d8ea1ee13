"""The request log: bulk insertion by the ingest thread, and queries for the log and the charts.

Insertion is statements of hundreds of rows on the bare driver. ``executemany`` would let go of the GIL once a
row, and beside a busy event loop each re-taking costs up to a switch interval (5 ms): two orders of magnitude
in throughput. A statement has one of a few numbers of rows, so that it is compiled once: compiling it costs
as much as running it (5 of 13 µs a row).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    delete,
    func,
    or_,
    select,
    type_coerce,
)

from ferrogate.store.tables import REQUEST_COLUMNS, journal_offset, requests

__all__ = ["LogFilter", "RequestRepository"]

_READER = "main"
_STATEMENT_ROWS = (500, 100, 20, 4, 1)
_ADVANCE = (
    "INSERT INTO journal_offset (reader, segment, position) VALUES (?, ?, ?)"
    " ON CONFLICT (reader) DO UPDATE SET segment = excluded.segment, position = excluded.position"
)
_SEARCHED = (
    "request_id",
    "client_request_id",
    "model",
    "upstream_model",
    "provider",
    "path",
    "error",
    "tags",
)


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which rows; None asks nothing. ``status`` is a code (429) or a class (4 for 4xx)."""

    since_ms: int | None = None
    until_ms: int | None = None
    provider: str | None = None
    model: str | None = None
    key: str | None = None
    status: int | None = None
    cache: str | None = None
    tag: tuple[str, str | None] | None = None
    text: str | None = None

    def clauses(self) -> list[ColumnElement[bool]]:
        """As SQL conditions."""
        columns = requests.c
        found: list[ColumnElement[bool]] = []
        if self.since_ms is not None:
            found.append(columns.started_ms >= self.since_ms)
        if self.until_ms is not None:
            found.append(columns.started_ms < self.until_ms)
        if self.provider is not None:
            found.append(columns.provider == self.provider)
        if self.model is not None:
            found.append(or_(columns.model == self.model, columns.upstream_model == self.model))
        if self.key is not None:
            found.append(or_(columns.key_id == self.key, columns.key_name == self.key))
        if self.status is not None and self.status < 10:
            found.append(columns.status.between(self.status * 100, self.status * 100 + 99))
        elif self.status is not None:
            found.append(columns.status == self.status)
        if self.cache is not None:
            found.append(columns.cache == self.cache)
        if self.tag is not None:
            name, value = self.tag
            held = type_coerce(columns.tags, JSON)[name].as_string()
            found.append(held.is_not(None) if value is None else held == value)
        if self.text:
            found.append(or_(*(columns[name].contains(self.text, autoescape=True) for name in _SEARCHED)))
        return found


class RequestRepository:
    """Rows of ``requests`` and the position in the journal up to which they are in."""

    def position(self, connection: Connection) -> tuple[int, int]:
        """Segment and offset after the last row that is in the database."""
        row = connection.execute(
            select(journal_offset.c.segment, journal_offset.c.position).where(
                journal_offset.c.reader == _READER
            )
        ).one_or_none()
        return (0, 0) if row is None else (row.segment, row.position)

    def advance(self, connection: Connection, segment: int, offset: int) -> None:
        """Remember the position, in the transaction that inserted the rows before it."""
        connection.exec_driver_sql(_ADVANCE, (_READER, segment, offset))

    def insert_many(self, connection: Connection, rows: int, values: Sequence[Any]) -> None:
        """Insert ``rows`` rows given as one flat sequence; a request that is there already stays as it is."""
        at, width = 0, len(REQUEST_COLUMNS)
        for size in _STATEMENT_ROWS:
            while rows - at >= size:
                part = values[at * width : (at + size) * width]
                connection.exec_driver_sql(_insert_sql(size), tuple(part))
                at += size

    def page(
        self, connection: Connection, asked: LogFilter, limit: int, before: int | None
    ) -> list[RowMapping]:
        """Return the newest rows that match, from the one before id ``before``."""
        query = select(requests).where(*asked.clauses()).order_by(requests.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(requests.c.id < before)
        return list(connection.execute(query).mappings())

    def find(self, connection: Connection, request_id: str) -> RowMapping | None:
        """By the gateway's id, else the newest with that id of the client's."""
        for column in (requests.c.request_id, requests.c.client_request_id):
            query = select(requests).where(column == request_id).order_by(requests.c.id.desc()).limit(1)
            if (row := connection.execute(query).mappings().first()) is not None:
                return row
        return None

    def prune(
        self, connection: Connection, *, keep_rows: int, older_than_ms: int, batch: int, counted: int
    ) -> int:
        """Delete among the oldest ``batch`` rows those beyond ``keep_rows`` and those that are too old.

        Rows after id ``counted`` stay: the charts do not know them yet.
        """
        edges = connection.execute(select(func.min(requests.c.id), func.max(requests.c.id))).one()
        if edges[0] is None:
            return 0
        oldest, newest = edges
        window = and_(requests.c.id < oldest + batch, requests.c.id <= counted)
        surplus = requests.c.id <= newest - keep_rows
        return connection.execute(
            delete(requests).where(window, or_(surplus, requests.c.started_ms < older_than_ms))
        ).rowcount


@lru_cache(maxsize=len(_STATEMENT_ROWS))
def _insert_sql(rows: int) -> str:
    row = f"({','.join('?' * len(REQUEST_COLUMNS))})"
    return (
        f"INSERT INTO requests ({','.join(REQUEST_COLUMNS)}) VALUES {','.join([row] * rows)}"  # noqa: S608 (names only)
        " ON CONFLICT (request_id) DO NOTHING"
    )
