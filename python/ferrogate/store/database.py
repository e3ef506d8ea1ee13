"""The SQLite file: how it is opened, and what a transaction is.

WAL with ``synchronous=NORMAL``: a reader never waits for the writer, and a commit costs no fsync. A power
cut can take the last commits, never the file; the request log then resumes from the journal, whose offset
went with them.

Writers take a lock of this process before SQLite's own, because threads that spin on SQLITE_BUSY are not
served in order, and then ``BEGIN IMMEDIATE``, so that a transaction which reads before it writes cannot
fail half-way.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DatabaseError

from ferrogate.errors import StoreError

__all__ = ["Database", "prepare_folder"]

_BUSY_MS = 5_000
_WRITES = "ferrogate_writes"
_CACHED_STATEMENTS = 24
"""A connection keeps so many compiled statements: all that the request log needs. A batch insert of 500
rows takes 1.3 MB, so the driver's 128 are too many."""


def prepare_folder(folder: Path) -> None:
    """Make the data folder (0700) where it is missing, and see that it can be written.

    Raises:
        StoreError: it cannot; the text names the owner to run as.

    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the data folder {folder} cannot be made ({error.strerror}): choose one with --data"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        owner = folder.stat()
        raise StoreError(
            f"the data folder {folder} belongs to {owner.st_uid}:{owner.st_gid} and this user"
            f" ({os.geteuid()}:{os.getegid()}) cannot write it: choose another with --data, or in a container"
            f" add --user {owner.st_uid}:{owner.st_gid}"
        )


class Database:
    """One SQLite file and its pool of connections, for use from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = threading.Lock()
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise StoreError(f"the database {path} cannot be opened ({error.strerror})") from error
        self.engine = create_engine(
            URL.create("sqlite+pysqlite", database=str(path)),
            pool_size=4,
            max_overflow=8,
            pool_timeout=10,
            connect_args={"cached_statements": _CACHED_STATEMENTS},
        )
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)
        self._writing = self.engine.execution_options(**{_WRITES: True})

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read transaction: it sees one state of the database throughout."""
        with _reported(self.path), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open the one write transaction of this process; any exception rolls it back."""
        with _reported(self.path), self._writer, self._writing.begin() as connection:
            yield connection

    def variables(self) -> int:
        """How many parameters one statement may have."""
        with self.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            return int(driver.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER))

    def close(self) -> None:
        """Close every connection; SQLite then folds its log into the file. Idempotent."""
        self.engine.dispose()


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver opens no transaction by itself: _begin does
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn what SQLite says about the file as a whole into a StoreError."""
    try:
        yield
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.IntegrityError):
            raise
        raise StoreError(f"the database {path}: {error.orig}") from error
