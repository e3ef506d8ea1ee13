"""The lock on a data folder: one gateway at a time answers for it.

It is advisory (flock) and belongs to an open file, so the kernel takes it back however the process ends. Who
holds it changes the configuration, moves request records into the database and is named by ``run.json``.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from ferrogate.errors import DataFolderInUseError, StoreError
from ferrogate.services import run_file

__all__ = ["FolderLock"]

_NAME = "gateway.lock"
_PAUSE_S = 0.01


class FolderLock:
    """The lock on one folder, which must exist. One of another name is another lock."""

    def __init__(self, folder: Path, name: str = _NAME) -> None:
        self._folder = folder
        self._name = name
        self._handle: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this process has it."""
        return self._handle is not None

    def take(self) -> bool:
        """Take it if nobody has it; True where this process has it now.

        Raises:
            StoreError: the file system does not let anybody lock.

        """
        if self._handle is not None:
            return True
        path = self._folder / self._name
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"the lock {path} cannot be opened ({error.strerror}): choose another folder with --data"
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except OSError as error:
            os.close(handle)
            raise StoreError(
                f"the data folder {self._folder} cannot be locked ({error.strerror}): choose one on a file"
                " system that has locks, with --data"
            ) from error
        self._handle = handle
        return True

    def require(self) -> None:
        """Take it, now.

        Raises:
            DataFolderInUseError: another gateway has it; the text says which.

        """
        if not self.take():
            run = run_file.read(self._folder)
            where = f" at {run.url} (process {run.pid})" if run else ""
            raise DataFolderInUseError(
                f"a gateway runs on the data folder {self._folder} already{where}: stop it, replace it with"
                " --take-over, or choose another folder with --data"
            )

    def wait(self, patience_s: float) -> None:
        """Take it as soon as its holder lets go. Blocks.

        Raises:
            DataFolderInUseError: it did not within the time.

        """
        until = time.monotonic() + patience_s
        while not self.take():
            if time.monotonic() >= until:
                raise DataFolderInUseError(
                    f"the data folder {self._folder} is still locked after {patience_s:.0f} s"
                )
            time.sleep(_PAUSE_S)

    def release(self) -> None:
        """Let go. Idempotent."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)
