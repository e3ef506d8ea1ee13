"""A gateway that systemd starts with a listening socket: the socket outlives every process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harness.chat import CHAT, chat
from harness.doors import Door
from harness.gateway import START_S, Gateway
from harness.load import Load
from harness.mock import Mock

SYSTEMD = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid());"
    "os.execv(sys.executable, [sys.executable, '-m', 'ferrogate', *sys.argv[2:]])"
)
"""Puts a socket where systemd does, and becomes the gateway."""


class Unit:
    """A socket unit and its service."""

    def __init__(self, folder: Path, config: dict[str, object], host: str = "127.0.0.1") -> None:
        self.socket = socket.create_server((host, 0), backlog=4096)
        self.port = int(self.socket.getsockname()[1])
        self.ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ear.bind(str(folder.parent / "notify"))
        self.ear.settimeout(START_S)
        self.gateway = Gateway(folder, Door.NATIVE, config=config)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *flags: str) -> None:
        """Start the service and wait until it says that it is ready."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("LISTEN_")}
        environ |= {"LISTEN_FDS": "1", "NOTIFY_SOCKET": str(self.ear.getsockname())}
        command = [sys.executable, "-c", SYSTEMD, str(self.socket.fileno()), "serve"]
        command += ["--config", str(self.gateway.config_path), "--data", str(self.gateway.data), *flags]
        with self.gateway.stderr_path.open("ab") as errors:
            self.process = subprocess.Popen(
                command,
                pass_fds=[self.socket.fileno()],
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=environ,
            )
        said = self.hear()
        while said == "STOPPING=1":  # of the process before it
            said = self.hear()
        assert said == "READY=1", self.gateway.stderr

    def hear(self) -> str:
        return self.ear.recv(100).decode()

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(START_S) == 0, self.gateway.stderr
        self.gateway.check_output()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.socket.close()
        self.ear.close()


@pytest.fixture
def unit(folder: Path, mock: Mock) -> Iterator[Unit]:
    unit = Unit(folder, {"providers": {"mock": {"base_url": mock.url}}})
    yield unit
    unit.close()


def test_restarts_under_load_fail_no_request(unit: Unit, door: Door) -> None:
    """Who comes between two processes waits in the socket's queue."""
    flags = [*door.flags, "--workers", "3"]
    unit.start(*flags)
    with Load(unit.port, "mock/echo") as load:
        for _ in range(2):
            load.wait_for_more(50)
            unit.stop()
            unit.start(*flags)
        load.wait_for_more(50)
    assert load.failures == []
    unit.stop()
    assert len(set(load.ids)) == len(load.ids)


def test_a_wide_socket_asks_for_credentials(folder: Path, mock: Mock) -> None:
    """Whatever the configuration says of the host: the socket is the bind."""
    config = {"server": {"host": "127.0.0.1"}, "providers": {"mock": {"base_url": mock.url}}}
    unit = Unit(folder, config, host="0.0.0.0")
    try:
        unit.start()
        url = f"http://127.0.0.1:{unit.port}"
        with httpx.Client(base_url=url, trust_env=False) as client:
            assert client.post(CHAT, content=chat("mock/echo")).status_code == 401
            assert client.get("/api/v1/keys").status_code == 401
            assert client.get("/readyz").status_code == 200
        unit.stop()
    finally:
        unit.close()


def test_a_taken_over_socket_stays_systemd_s(unit: Unit) -> None:
    unit.start()
    first = unit.process
    assert first is not None
    with Load(unit.port, "mock/echo", clients=1) as load:
        load.wait_for_more(20)
        unit.start("--take-over")
        assert first.wait(START_S) == 0
        load.wait_for_more(20)
    assert load.failures == []
    unit.stop()
