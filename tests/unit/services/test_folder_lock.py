from __future__ import annotations

import errno
import fcntl
import threading
from pathlib import Path

import pytest

from ferrogate.errors import DataFolderInUseError, StoreError
from ferrogate.services import run_file
from ferrogate.services.folder_lock import FolderLock


def test_one_has_it(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    assert first.take()
    assert first.take(), "taking it again is nothing"
    assert not second.take()
    run_file.write(tmp_path, run_file.new("http://127.0.0.1:1234"))
    with pytest.raises(DataFolderInUseError, match=r"http://127\.0\.0\.1:1234 \(process \d+\).*--take-over"):
        second.require()
    first.release()
    first.release()
    second.require()
    second.release()


def test_waiting_ends_when_the_holder_lets_go(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    first.require()
    with pytest.raises(DataFolderInUseError, match="still locked"):
        second.wait(0)
    waiting = threading.Thread(target=second.wait, args=(30,))
    waiting.start()
    first.release()
    waiting.join(30)
    assert not first.take()


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "gateway.lock").mkdir()
    with pytest.raises(StoreError, match=r"gateway\.lock cannot be opened .*--data"):
        FolderLock(tmp_path).take()


def test_a_file_system_without_locks_is_no_second_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StoreError, match="No locks available"):
        FolderLock(tmp_path).require()
