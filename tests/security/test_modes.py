"""Whatever the umask: nobody but the owner reads anything in the data folder."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from harness.chat import CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway, clean_environment

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def modes(folder: Path) -> dict[str, str]:
    """The mode of the folder and of everything below it."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        try:
            found[str(path.relative_to(folder))] = stat.filemode(path.lstat().st_mode)
        except FileNotFoundError:
            continue
    return found


def open_to_others(folder: Path) -> list[str]:
    found = [path for path in [folder, *folder.rglob("*")] if path.exists() and path.lstat().st_mode & OTHERS]
    return [f"{path} {stat.filemode(path.lstat().st_mode)}" for path in found]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077], ids=oct)
def test_a_running_gateway_s_folder_is_its_owner_s(folder: Path, door: Door, umask: int) -> None:
    before = os.umask(umask)
    try:
        with Gateway(folder, door, flags=["--mock"]) as gateway:
            os.umask(before)
            gateway.call("POST", "keys", provider="mock", name="a", value="sk-a-key-of-this-test-01")
            answer = gateway.http.post(CHAT, content=chat("mock/echo"))
            gateway.row(answer.headers["x-gateway-request-id"])
            assert open_to_others(gateway.data) == []
            names = modes(gateway.data)
            expected = {"ferrogate.db", "gateway.db", "run.json", "master.key", "gateway.lock"}
            assert len(expected & names.keys()) >= 4, names
            if door.is_compiled:
                assert any(name.startswith("journal/") for name in names), names
        assert open_to_others(gateway.data) == []
    finally:
        os.umask(before)


def test_commands_make_nothing_for_others(tmp_path: Path) -> None:
    """The first command on a fresh folder makes the database and the master key."""
    before = os.umask(0)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ferrogate", "keys", "add", "openai", "--data", "data"],
            input=b"sk-a-key-of-this-test-01\n",
            cwd=tmp_path,
            env=clean_environment(os.environ),
            capture_output=True,
            timeout=60,
        )
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "data").iterdir())) >= 2
    assert open_to_others(tmp_path / "data") == []


@pytest.mark.doors("native")
@pytest.mark.parametrize("depth", [0, 12])
def test_the_control_socket_is_in_a_folder_of_its_owner(folder: Path, door: Door, depth: int) -> None:
    """Who could reach it would still meet the admin API's own checks."""
    with tempfile.TemporaryDirectory() as top:
        # A socket's path must be short, so a deep folder for temporary files is passed over.
        place = Path(top, *["ten-bytes"] * depth)
        place.mkdir(parents=True, exist_ok=True)
        with Gateway(folder, door, environ={"TMPDIR": str(place)}) as gateway:
            check_sockets(gateway, place, "there" if depth == 0 else "elsewhere")


def check_sockets(gateway: Gateway, place: Path, where: str) -> None:
    held = [Path(one.laddr) for one in psutil.Process(gateway.pid).net_connections("unix") if one.laddr]
    sockets = [path for path in held if path.name == "control.sock"]
    assert len(sockets) == 1
    assert sockets[0].is_relative_to(place) is (where == "there")
    assert sockets[0].parent.stat().st_mode & OTHERS == 0
    assert gateway.admin.get("/healthz").status_code == 200
