"""What systemd gives a service, by the environment alone: listening sockets, and an ear for its state.

``sd_listen_fds(3)`` and ``sd_notify(3)`` are a few variables and one datagram, so no library is needed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping
from contextlib import ExitStack, suppress

from ferrogate.errors import AddressError

__all__ = ["inherited", "notify"]

_FIRST = 3
_WANTED = "give the socket unit ListenStream= with a port, and Accept=no"


def inherited(environ: MutableMapping[str, str]) -> list[socket.socket]:
    """Take the listening sockets of a socket unit; none where this process was started otherwise.

    The variables are removed, so that no child takes the sockets for its own.

    Raises:
        AddressError: one is not a listening TCP socket; the text names it.

    """
    count, pid = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if not count.isdecimal() or pid != str(os.getpid()):
        return []
    sockets: list[socket.socket] = []
    with ExitStack() as unused:
        for index in range(int(count)):
            name = names[index] if index < len(names) and names[index] else f"descriptor {_FIRST + index}"
            try:
                sock = unused.enter_context(socket.socket(fileno=_FIRST + index))
            except OSError as error:
                raise AddressError(
                    f"the inherited {name} is no socket ({error.strerror}): {_WANTED}"
                ) from error
            if not _listens(sock):
                raise AddressError(f"the inherited {name} is not a listening TCP socket: {_WANTED}")
            sock.set_inheritable(False)
            sock.setblocking(False)
            sockets.append(sock)
        unused.pop_all()
    return sockets


def _listens(sock: socket.socket) -> bool:
    is_tcp = sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM
    return is_tcp and bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def notify(environ: Mapping[str, str], state: str) -> None:
    """Tell systemd a state (``READY=1``, ``STOPPING=1``) where it listens; a lost one is not worth an end."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(state.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
