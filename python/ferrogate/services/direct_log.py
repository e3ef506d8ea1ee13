"""The request log of an engine that has no journal: its rows go straight into the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ferrogate.services.upkeep import Upkeep
from ferrogate.store import Store

__all__ = ["DirectLog"]

_INSERT_ROWS = 500


class DirectLog:
    """Writes rows in batches, and keeps the log within its bounds. Call it from one thread at a time."""

    def __init__(self, store: Store, upkeep: Upkeep) -> None:
        self._store = store
        self._upkeep = upkeep

    def __call__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert a batch."""
        requests, database = self._store.requests, self._store.database
        for start in range(0, len(rows), _INSERT_ROWS):
            part = rows[start : start + _INSERT_ROWS]
            with database.write() as connection:
                requests.insert_many(connection, len(part), [value for row in part for value in row])
        self._upkeep.count_if_due(len(rows))
        self._upkeep.prune_if_due()
