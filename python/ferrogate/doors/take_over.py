"""How a new process takes the place of the one that runs, and nobody notices.

The running gateway listens on a Unix socket that only this user can reach; ``run.json`` names it. Its
successor, once it is ready to serve, asks there for the listening sockets and gets the descriptors themselves
(SCM_RIGHTS), so both processes accept from the same queues and no connection that waits in one is lost. Then
the successor says go: the old process closes its descriptors, lets go of the data folder, answers, drains.

::

    successor                          running gateway
    {"ask": "sockets"}            ->
                                  <-   {"sockets": N, "host": ...}  + descriptors, at most 200 a message
    (accepts from them)
    {"go": control socket | null} ->
                                       (accepts no more, ends the log's ingestion, unlocks the folder)
                                  <-   {"done": true}

A successor that dies before it says go changes nothing. Nothing but these four messages is ever said, and
each is one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ferrogate.doors.native import PrivateSocket
from ferrogate.errors import TakeOverError

__all__ = ["Offer", "Predecessor"]

logger = logging.getLogger("ferrogate")

_BATCH = 200
"""Descriptors a message; the kernel takes 253."""
_LINE_BYTES = 65_536
_PATIENCE_S = 60.0


class Offer:
    """The running gateway's end.

    Args:
        host: the address that was asked for, which a successor must ask for too.
        descriptors: lists the listening sockets.
        hand_over: called once, with the successor's control socket; returns when this process has let go.

    """

    def __init__(
        self,
        host: str,
        descriptors: Callable[[], list[int]],
        hand_over: Callable[[Path | None], Awaitable[None]],
    ) -> None:
        self._private = PrivateSocket("take-over.sock")
        self._host = host
        self._descriptors = descriptors
        self._hand_over = hand_over

    @property
    def path(self) -> Path:
        """Where a successor asks."""
        return self._private.path

    async def run(self) -> None:
        """Serve one successor after the other, until one says go."""
        self._private.socket.setblocking(False)
        loop = asyncio.get_running_loop()
        while True:
            peer, _ = await loop.sock_accept(self._private.socket)
            with peer:
                try:
                    async with asyncio.timeout(_PATIENCE_S):
                        done = await self._converse(peer)
                except (OSError, ValueError, TimeoutError) as error:
                    logger.warning("a take-over came to nothing, and this process goes on: %s", error)
                    continue
            if done:
                return

    def close(self) -> None:
        """Answer no more. Idempotent."""
        self._private.close()

    async def _converse(self, peer: socket.socket) -> bool:
        loop = asyncio.get_running_loop()
        peer.setblocking(False)
        asked = await _receive(loop, peer)
        if asked.get("ask") != "sockets":
            raise ValueError(f"{asked!r} is not how a take-over begins")
        descriptors = self._descriptors()
        head = json.dumps({"sockets": len(descriptors), "host": self._host}) + "\n"
        # The few bytes always fit the buffer of a fresh connection.
        socket.send_fds(peer, [head.encode()], descriptors[:_BATCH])
        for start in range(_BATCH, len(descriptors), _BATCH):
            socket.send_fds(peer, [b"\n"], descriptors[start : start + _BATCH])
        go = await _receive(loop, peer)
        if "go" not in go:
            raise ValueError(f"{go!r} is not how a take-over goes on")
        await self._hand_over(None if go["go"] is None else Path(go["go"]))
        await loop.sock_sendall(peer, b'{"done": true}\n')
        return True


async def _receive(loop: asyncio.AbstractEventLoop, peer: socket.socket) -> dict[str, Any]:
    line = b""
    while not line.endswith(b"\n"):
        part = await loop.sock_recv(peer, _LINE_BYTES)
        line += part
        if not part or len(line) > _LINE_BYTES:
            raise ConnectionError("the successor left")
    said = json.loads(line)
    return said if isinstance(said, dict) else {}


class Predecessor:
    """The successor's end. Its calls block.

    Args:
        path: the running gateway's Unix socket.

    Raises:
        TakeOverError: nobody answers there.

    """

    def __init__(self, path: str) -> None:
        if not path:
            raise TakeOverError(
                "the gateway that runs there cannot be taken over: it is of a version that does not offer it."
                " Stop it, and start this one"
            )
        self._peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._peer.settimeout(_PATIENCE_S)
        try:
            self._peer.connect(path)
        except OSError as error:
            self._peer.close()
            raise TakeOverError(f"the running gateway does not answer at {path}: {error.strerror}") from error

    def sockets(self, host: str, port: int) -> list[socket.socket]:
        """Return the running gateway's listening sockets.

        Args:
            host: the address that the successor is to bind; it must be the same.
            port: likewise; 0 takes what there is.

        Raises:
            TakeOverError: it does not hand them over, or they are of another address.

        """
        its_host, sockets = self._receive()
        its_port = int(sockets[0].getsockname()[1]) if sockets else None
        if its_host == host and its_port is not None and port in (0, its_port):
            return sockets
        for sock in sockets:
            sock.close()
        raise TakeOverError(
            f"the running gateway listens on {its_host}:{its_port}, and this one is to listen on"
            f" {host}:{port}: a take-over keeps the address. Stop the running one first"
        )

    def _receive(self) -> tuple[str, list[socket.socket]]:
        self._say({"ask": "sockets"})
        text = b""
        found: list[int] = []
        expected: int | None = None
        said: dict[str, Any] = {}
        try:
            while expected is None or len(found) < expected:
                part, descriptors, _, _ = socket.recv_fds(self._peer, _LINE_BYTES, _BATCH)
                if not part:
                    raise TakeOverError("the running gateway ended in the middle of the take-over")
                found += descriptors
                text += part
                if expected is None and b"\n" in text:
                    said = json.loads(text.partition(b"\n")[0])
                    expected = int(said["sockets"])
        except (OSError, ValueError, KeyError) as error:
            raise TakeOverError(f"the running gateway did not hand over its sockets: {error}") from error
        finally:
            sockets = [socket.socket(fileno=descriptor) for descriptor in found]
        for sock in sockets:
            sock.set_inheritable(False)
        return str(said.get("host", "")), sockets

    def go(self, control: Path | None) -> None:
        """Have the running gateway let go; return when it has, or when it has ended.

        Raises:
            TakeOverError: it neither did nor ended in time.

        """
        self._say({"go": None if control is None else str(control)})
        try:
            self._peer.recv(_LINE_BYTES)  # nothing: it ended, and with that let go
        except ConnectionError:
            pass
        except OSError as error:
            raise TakeOverError(f"the running gateway did not let go: {error}") from error

    def close(self) -> None:
        """Hang up. Idempotent."""
        self._peer.close()

    def _say(self, message: dict[str, Any]) -> None:
        try:
            self._peer.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise TakeOverError(
                f"the running gateway ended in the middle of the take-over: {error}"
            ) from error
