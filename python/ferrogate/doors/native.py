"""The native listener, and the Unix socket between it and the control plane.

The compiled listener answers inference itself and forwards every other path to the socket. The socket lies
in a fresh folder that only this user may enter, so nobody else on the machine can reach the admin application
around the listener.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ferrogate.doors import ASGIApp, Receive, Scope, Send
from ferrogate.doors.server import Server

if TYPE_CHECKING:
    from ferrogate.engine.facade import Engine

__all__ = ["NativeDoor", "PrivateSocket"]


_PREFIX = "ferrogate-"
_RANDOM = 9
"""Letters that mkdtemp adds, and a slash."""
_LONGEST = 100
"""Bytes of a socket's path: 104 on macOS, 108 on Linux, with the zero at its end."""


class PrivateSocket:
    """A listening Unix socket in a 0700 folder of its own: a socket's path must be short."""

    def __init__(self, name: str) -> None:
        place = tempfile.gettempdir()
        # Where the folder for temporary files lies too deep, the system's own is short enough everywhere.
        is_deep = len(f"{place}/{_PREFIX}{name}") + _RANDOM > _LONGEST
        folder = tempfile.mkdtemp(prefix=_PREFIX, dir="/tmp" if is_deep else None)  # noqa: S108
        self._folder = Path(folder)  # mkdtemp makes it 0700
        self.path = self._folder / name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.bind(str(self.path))
            self.socket.listen(1024)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the socket and remove its folder. Idempotent."""
        self.socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class _Forwarded:
    """Tells the application that the client came by TLS; the listener drops what a client says of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (b"x-forwarded-proto", b"https") in scope.get("headers", ()):
            scope = {**scope, "scheme": "https"}
        await self._app(scope, receive, send)


class NativeDoor:
    """The engine reads the sockets of clients; fits :class:`ferrogate.doors.Door`."""

    def __init__(self, engine: Engine, headers_bytes: Callable[[], int]) -> None:
        self._engine = engine
        self._headers_bytes = headers_bytes
        self._control = PrivateSocket("control.sock")
        self._server: Server | None = None

    @property
    def control(self) -> Path | None:
        """Where the control plane listens."""
        return self._control.path

    @property
    def connections(self) -> int:
        """Clients that are connected."""
        return int(self._engine.status()["connections"])

    def listen(self, host: str, port: int, sockets: Sequence[socket.socket]) -> int:
        """Open the port, or take the sockets, which are closed here; return the port."""
        descriptors = [sock.fileno() for sock in sockets]
        _, port = self._engine.listen(host, port, self._control.path, descriptors or None)
        for sock in sockets:
            sock.close()
        return port

    def descriptors(self) -> list[int]:
        """List the listening sockets."""
        return self._engine.listeners()

    async def serve(self, control: ASGIApp) -> asyncio.Task[None]:
        """Serve the control plane; the task ends when it does."""
        self._server = Server(_Forwarded(control), headers_bytes=self._headers_bytes)
        return await self._server.start([self._control.socket])

    def leave(self) -> None:
        """Make every answer the last one of its connection."""
        self._engine.leave()

    async def hand_over(self, control: Path | None) -> None:
        """Leave the listening sockets to a successor, and what is not inference to its control plane."""
        await asyncio.to_thread(self._engine.hand_over, control)
        if control is None:
            self._engine.set_state(ready=True, control=False)

    async def drain(self, limit: float) -> bool:
        """Take no more clients; wait for the running requests, then cut them. True when all ended."""
        return await asyncio.to_thread(self._engine.drain, limit)

    async def end(self) -> None:
        """Close what is left."""
        if self._server is not None:
            await self._server.end()
        self._control.close()
