"""Writes request records straight into the database, for the engine that has no journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from ferrogate.store import Store

__all__ = ["direct_log"]

_BATCH_ROWS = 500


def direct_log(store: Store) -> Callable[[Sequence[Sequence[Any]]], None]:
    """Return a function that inserts rows, each with its values in the order of the table.

    It blocks until they are committed and raises StoreError where they cannot be: call it on a worker thread.
    """

    def write(rows: Sequence[Sequence[Any]]) -> None:
        with store.database.write() as connection:
            for start in range(0, len(rows), _BATCH_ROWS):
                batch = rows[start : start + _BATCH_ROWS]
                store.requests.insert_many(connection, len(batch), list(chain.from_iterable(batch)))

    return write
