from __future__ import annotations

import json
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ferrogate.services import run_file


def test_what_is_written_is_read(tmp_path: Path) -> None:
    run = run_file.new("http://127.0.0.1:8080")
    run_file.write(tmp_path, run)
    assert run_file.read(tmp_path) == run
    assert stat.S_IMODE((tmp_path / "run.json").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]
    named = {"url", "pid", "secret", "started", "take_over", "certificate", "born"}
    assert set(json.loads((tmp_path / "run.json").read_text())) == named
    assert run.secret not in repr(run)


def test_a_leftover_of_a_dead_process_is_none(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    run_file.write(tmp_path, replace(run_file.new("http://127.0.0.1:8080"), pid=child.pid))
    assert run_file.read(tmp_path) is None


def test_a_number_that_another_process_has_got_is_none(tmp_path: Path) -> None:
    run = run_file.new("http://127.0.0.1:8080")
    if run.born is None:
        pytest.skip("only Linux tells when a process began")
    run_file.write(tmp_path, replace(run, born=run.born - 1))
    assert run_file.read(tmp_path) is None


def test_an_older_version_s_file_is_read(tmp_path: Path) -> None:
    run = run_file.new("http://127.0.0.1:8080")
    fields = {"url": run.url, "pid": run.pid, "secret": run.secret, "started": run.started}
    (tmp_path / "run.json").write_text(json.dumps(fields))
    assert run_file.read(tmp_path) == replace(run, born=None)


def test_a_successor_with_the_same_secret_keeps_its_entry(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as successor:
        old = run_file.new("http://a")
        taken_over = replace(run_file.new("http://a", secret=old.secret), pid=successor.pid, born=None)
        run_file.write(tmp_path, taken_over)
        run_file.clear(tmp_path, old)
        assert run_file.read(tmp_path) == taken_over
        successor.communicate(b"\n")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"url": 1, "pid": "x"}', "\x00"])
def test_a_file_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    assert run_file.read(tmp_path) is None


@pytest.mark.parametrize("pid", [0, -1])
def test_a_pid_that_stands_for_many_is_none(tmp_path: Path, pid: int) -> None:
    run_file.write(tmp_path, replace(run_file.new("http://127.0.0.1:8080"), pid=pid))
    assert run_file.read(tmp_path) is None


def test_clearing_leaves_a_successor_s(tmp_path: Path) -> None:
    old, successor = run_file.new("http://a"), run_file.new("http://b")
    run_file.write(tmp_path, old)
    run_file.write(tmp_path, successor)
    run_file.clear(tmp_path, old)
    assert run_file.read(tmp_path) == successor
    run_file.clear(tmp_path, successor)
    run_file.clear(tmp_path, successor)
    assert list(tmp_path.iterdir()) == []
