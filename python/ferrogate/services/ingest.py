"""Moves request records from the engine's journal into the database, on a thread of its own.

A batch is one transaction: up to 500 rows in a few INSERTs, and the position in the journal after them. A
process that is killed resumes at the position, so every row is in exactly once. A database that is slow
or locked delays this thread and nothing else: the batch is read and tried again, with growing pauses.

It runs at a lower priority than the threads that serve (on Linux, where a thread has one): a batch takes
some milliseconds of a core, which requests would otherwise wait behind where all cores are busy.

Costs, measured: 7 to 9 µs a row with batches of 250 to 500, of which a third is binding the values.
Nothing here looks at a row.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DataError, IntegrityError

from ferrogate.errors import FerrogateError
from ferrogate.services.folder_lock import FolderLock
from ferrogate.services.ports import JournalPort
from ferrogate.services.upkeep import Upkeep
from ferrogate.store import Store
from ferrogate.store.tables import REQUEST_COLUMNS

__all__ = ["INGEST_LOCK", "IngestService", "IngestStatus"]

_log = logging.getLogger(__name__)

INGEST_LOCK = "ingest.lock"
"""In the data folder: one process at a time moves the records."""

_WIDTH = len(REQUEST_COLUMNS)
_BATCH_ROWS = 500
_WAIT_S = 0.8
"""Rows must show within two seconds; the fewer the batches, the less a row costs."""
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0
_LOCKED_WAIT_S = 0.1
_NICENESS = 10
"""Above the process's own: a tenth of a busy core's time is left to the thread, and all of an idle one's."""


@dataclass(frozen=True, slots=True)
class IngestStatus:
    """Counters since the start. ``rejected`` rows did not fit the table; the log names the reason.

    ``waiting`` says that another process moves the records at the moment.
    """

    rows: int
    batches: int
    failures: int
    rejected: int
    pruned: int
    last_error: str | None
    waiting: bool


class IngestService:
    """The thread. :meth:`start` it once; :meth:`stop` reads what is left.

    Args:
        store: the open database.
        journal: what to read; it may hold records of other processes too.
        upkeep: what else to do with the rows; None for the defaults.
        lock: whoever has it moves the records; None where there is one process for sure. It is let go of at
            the end, and whoever waits for it goes on from the position in the database.

    """

    def __init__(
        self,
        store: Store,
        journal: JournalPort,
        upkeep: Upkeep | None = None,
        lock: FolderLock | None = None,
    ) -> None:
        self._store = store
        self._journal = journal
        self._upkeep = upkeep or Upkeep(store)
        self._lock = lock
        self._batch_rows = max(1, min(_BATCH_ROWS, store.database.variables() // _WIDTH))
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._rows = self._batches = self._failures = self._rejected = 0
        self._last_error: str | None = None

    def start(self) -> None:
        """Start the thread. Idempotent."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="ferrogate-ingest", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Read what the journal still has, then end; True where that was done in time."""
        self._stopping.set()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def status(self) -> IngestStatus:
        """Return the counters."""
        return IngestStatus(
            self._rows,
            self._batches,
            self._failures,
            self._rejected,
            self._upkeep.pruned,
            self._last_error,
            waiting=self._lock is not None and not self._lock.is_held,
        )

    def ingest_once(self) -> int:
        """Move all that the journal has now; returns how many rows. Raises what the database raises."""
        moved = 0
        with self._store.database.read() as connection:
            segment, offset = self._store.requests.position(connection)
        while True:
            count, values, new_segment, new_offset = self._journal.journal_read(
                segment, offset, self._batch_rows
            )
            if (new_segment, new_offset) != (segment, offset) or count:
                self._commit(count, values, new_segment, new_offset)
                if new_segment != segment:
                    self._journal.journal_release(new_segment)
            segment, offset = new_segment, new_offset
            moved += count
            if count < self._batch_rows:
                return moved

    def _run(self) -> None:
        _step_back()
        for wait_s in self._waits():
            if self._stopping.wait(wait_s):
                break
        if not self._may_move():
            return
        try:
            self.ingest_once()
            self._upkeep.count()
        except Exception as error:
            self._note(error)
        finally:
            if self._lock is not None:
                self._lock.release()

    def _waits(self) -> Iterator[float]:
        """Work, and yield how long to wait before the next turn."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                if not self._may_move():
                    yield _LOCKED_WAIT_S
                    continue
                moved = self.ingest_once()
                self._upkeep.count_if_due(moved, self._stopping.is_set)
                self._upkeep.prune_if_due(self._stopping.is_set)
            except Exception as error:  # whatever it is, the next turn may go well, and requests go on
                self._note(error)
                yield pause_s
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            else:
                pause_s = _FIRST_PAUSE_S
                yield _WAIT_S

    def _may_move(self) -> bool:
        """Whether no other process moves the records."""
        return self._lock is None or self._lock.take()

    def _commit(self, count: int, values: list[Any], segment: int, offset: int) -> None:
        requests = self._store.requests
        try:
            with self._store.database.write() as connection:
                if count:
                    requests.insert_many(connection, count, values)
                requests.advance(connection, segment, offset)
        except (IntegrityError, DataError):
            self._commit_singly(count, values, segment, offset)
        self._rows += count
        self._batches += 1

    def _commit_singly(self, count: int, values: list[Any], segment: int, offset: int) -> None:
        """Insert row by row and leave out those that the table refuses, so that one cannot stop the log."""
        requests = self._store.requests
        rejected = 0
        with self._store.database.write() as connection:
            for row in range(count):
                try:
                    with connection.begin_nested():
                        requests.insert_many(connection, 1, values[row * _WIDTH : (row + 1) * _WIDTH])
                except (IntegrityError, DataError) as error:
                    rejected += 1
                    _log.error("a request record was left out of the log: %s", error.orig)
            requests.advance(connection, segment, offset)
        self._rejected += rejected
        self._rows -= rejected

    def _note(self, error: Exception) -> None:
        self._failures += 1
        self._last_error = (
            str(error) if isinstance(error, FerrogateError) else f"{type(error).__name__}: {error}"
        )
        _log.warning("the request log is behind and will catch up: %s", self._last_error)


def _step_back() -> None:
    """Let every other thread go first."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        own = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(own + _NICENESS, 19))
