"""docker/entrypoint, without Docker: sh runs it as a user that may not write."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users can look into, which pytest's own cannot."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path
        path.chmod(0o700)


def start(root: Path, data: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run the script by its text: the clone may lie where the user cannot read."""
    as_nobody = NOBODY if os.geteuid() == 0 else None
    return subprocess.run(
        ["/bin/sh", "-c", (root / "docker/entrypoint").read_text(), "entrypoint", *command],
        env={"PATH": os.environ["PATH"], "GATEWAY_DATA": str(data)},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
        user=as_nobody,
        group=as_nobody,
    )


def test_a_writable_folder_runs_the_command(root: Path, folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    data.chmod(0o777)
    done = start(root, data, "sh", "-c", 'echo "$0 $1"', "two words", "more")
    assert (done.returncode, done.stdout, done.stderr) == (0, "two words more\n", "")
    assert list(data.iterdir()) == []


def test_the_exit_code_of_the_command_is_kept(root: Path, folder: Path) -> None:
    folder.chmod(0o777)
    assert start(root, folder / "new", "sh", "-c", "exit 7").returncode == 7


def test_an_unwritable_folder_says_what_to_type(root: Path, folder: Path) -> None:
    data = folder / "data"
    data.mkdir(mode=0o555)
    done = start(root, data, "echo", "started")
    assert done.returncode == 1
    assert done.stdout == ""
    assert (
        f'  docker run --user $(id -u):$(id -g) -p 8080:8080 -v "$PWD/data:{data}" ferrogate\n' in done.stderr
    )
    owner = data.stat()
    assert f"belongs to {owner.st_uid}:{owner.st_gid}" in done.stderr


def test_a_folder_that_cannot_be_made_says_what_to_type(root: Path, folder: Path) -> None:
    (folder / "file").touch()
    done = start(root, folder / "file/data", "echo", "started")
    assert done.returncode == 1
    assert "--user $(id -u):$(id -g)" in done.stderr
