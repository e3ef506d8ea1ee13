"""The environment and the descriptors of a service, as systemd gives them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ferrogate.doors import address, systemd
from ferrogate.errors import AddressError


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """Sockets that stand where systemd puts them, whatever number they really have."""
    sockets: list[socket.socket] = []
    real = socket.socket

    def opened(*arguments: int, fileno: int | None = None) -> socket.socket:
        if fileno is None:
            return real(*arguments)
        return real(fileno=os.dup(sockets[fileno - 3].fileno()))

    monkeypatch.setattr(systemd.socket, "socket", opened)
    yield sockets
    for sock in sockets:
        sock.close()


def environment(count: int, names: str = "") -> dict[str, str]:
    return {"LISTEN_FDS": str(count), "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": names, "HOME": "/"}


def test_sockets_are_taken_and_the_variables_with_them(given: list[socket.socket]) -> None:
    given += [socket.create_server(("127.0.0.1", 0)), socket.create_server(("0.0.0.0", 0))]
    environ = environment(2, "inner:outer")
    taken = systemd.inherited(environ)
    assert environ == {"HOME": "/"}
    assert [sock.getsockname() for sock in taken] == [sock.getsockname() for sock in given]
    assert not any(sock.get_inheritable() or sock.getblocking() for sock in taken)
    outer = given[1].getsockname()[1]
    assert address.settings_of(taken) == {"server.host": "0.0.0.0", "server.port": outer}
    for sock in taken:
        sock.close()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "x", "LISTEN_PID": str(os.getpid())},
        {"LISTEN_FDS": "0", "LISTEN_PID": str(os.getpid())},
    ],
)
def test_what_is_for_another_process_is_left(environ: dict[str, str]) -> None:
    assert systemd.inherited(dict(environ)) == []
    assert address.settings_of([]) == {}


def test_what_is_not_a_listening_tcp_socket_is_named(given: list[socket.socket]) -> None:
    given += [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
    with pytest.raises(AddressError, match=r"inherited udp is not a listening TCP socket.*ListenStream="):
        systemd.inherited(environment(2, "web:udp"))


def test_states_are_told_where_somebody_listens(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.settimeout(10)
        ear.bind(str(tmp_path / "notify"))
        systemd.notify({"NOTIFY_SOCKET": str(tmp_path / "notify")}, "READY=1")
        assert ear.recv(100) == b"READY=1"
    systemd.notify({}, "READY=1")
    systemd.notify({"NOTIFY_SOCKET": str(tmp_path / "nobody")}, "READY=1")
