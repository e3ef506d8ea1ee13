"""Keeps the request log within its bounds: rows are counted for the charts, and go when there are too many.

Whoever writes rows calls this between two batches. Every transaction is short, so that a change of the
configuration never waits long for its turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ferrogate.config.sections import Log
from ferrogate.store import Store
from ferrogate.store.ids import now_ms

__all__ = ["Retention", "Upkeep"]

_COUNT_ROWS = 5_000
_COUNT_EVERY_MS = 5_000
"""A count costs 3 ms whatever there is to count, and what asks for the charts adds the rows after it."""
_PRUNE_EVERY_MS = 60_000
_PRUNE_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept: ``rows`` of requests, none older than ``age_ms``; counts for ``chart_age_ms``."""

    rows: int = 1_000_000
    age_ms: int = 30 * 86_400_000
    chart_age_ms: int = 90 * 86_400_000

    @classmethod
    def of(cls, log: Log) -> Retention:
        """As the settings say."""
        return cls(log.rows, log.retention_ms, log.chart_retention_ms)


class Upkeep:
    """What is to be done beside writing rows.

    Args:
        store: the open database.
        retention: the bounds that are in force; asked again each time, because they can change.

    """

    def __init__(self, store: Store, retention: Callable[[], Retention] = Retention) -> None:
        self._store = store
        self._retention = retention
        self._pruned_ms = 0
        self._counted_ms = 0
        self._waiting = 0
        self.pruned = 0

    def count(self, stopping: Callable[[], bool] = lambda: False) -> int:
        """Count the rows that are new; returns how many."""
        total = 0
        while not stopping():
            with self._store.database.read() as connection:
                if not self._store.rollups.is_behind(connection):
                    break
            with self._store.database.write() as connection:
                total += self._store.rollups.count(connection, _COUNT_ROWS)
        return total

    def count_if_due(self, more: int, stopping: Callable[[], bool] = lambda: False) -> None:
        """Count every few seconds, or earlier where many rows wait; ``more`` came since the last call."""
        self._waiting += more
        due = now_ms() - self._counted_ms >= _COUNT_EVERY_MS
        if self._waiting >= _COUNT_ROWS or (due and self._waiting):
            self._counted_ms, self._waiting = now_ms(), 0
            self.count(stopping)

    def prune_if_due(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """Prune, once a minute."""
        if now_ms() - self._pruned_ms > _PRUNE_EVERY_MS:
            self._pruned_ms = now_ms()
            self.prune(stopping)

    def prune(self, stopping: Callable[[], bool] = lambda: False) -> int:
        """Delete what is beyond the retention; returns how many requests."""
        kept, now = self._retention(), now_ms()
        self.count(stopping)
        total, gone = 0, _PRUNE_ROWS
        while gone == _PRUNE_ROWS and not stopping():
            with self._store.database.write() as connection:
                gone = self._store.requests.prune(
                    connection,
                    keep_rows=kept.rows,
                    older_than_ms=now - kept.age_ms,
                    batch=_PRUNE_ROWS,
                    counted=self._store.rollups.mark(connection),
                )
            total += gone
        with self._store.database.write() as connection:
            self._store.rollups.prune(connection, now - kept.chart_age_ms)
        self.pruned += total
        return total
