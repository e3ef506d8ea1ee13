"""uvicorn reads the sockets of clients; the engine, compiled or Python, does the work."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferrogate.doors import ASGIApp, Receive, Scope, Send, Split
from ferrogate.doors.server import Server, bind

if TYPE_CHECKING:
    from ferrogate.engine.facade import Engine
    from ferrogate.reference import ReferenceEngine

__all__ = ["HostedDoor"]

_GRACE_S = 5
"""For answers that have left the engine and are still on their way to slow clients."""


class HostedDoor:
    """Inference and the control plane in one uvicorn; fits :class:`ferrogate.doors.Door`.

    One of the two engines is given.
    """

    control: Path | None = None

    def __init__(
        self,
        compiled: Engine | None,
        reference: ReferenceEngine | None,
        headers_bytes: Callable[[], int],
    ) -> None:
        self._compiled = compiled
        self._reference = reference
        self._headers_bytes = headers_bytes
        self._inference: Any = None
        self._split: Split | None = None
        self._server: Server | None = None
        self._sockets: list[socket.socket] = []
        self._grace = _GRACE_S

    @property
    def connections(self) -> int:
        """Clients that are connected."""
        return 0 if self._server is None else self._server.connections

    def listen(self, host: str, port: int, sockets: Sequence[socket.socket]) -> int:
        """Open the port, or keep the sockets; return the port. Nobody is accepted before :meth:`serve`."""
        self._sockets = list(sockets) or [bind(host, port)]
        return int(self._sockets[0].getsockname()[1])

    def descriptors(self) -> list[int]:
        """List the listening sockets."""
        return [sock.fileno() for sock in self._sockets]

    async def serve(self, control: ASGIApp) -> asyncio.Task[None]:
        """Serve both halves; the task ends when uvicorn does."""
        if self._compiled is not None:
            from ferrogate.doors.asgi import InferenceApp

            self._inference = InferenceApp(self._compiled)
        else:
            self._inference = self._reference
        self._split = Split(self._inference, control)
        self._server = Server(self._split, headers_bytes=self._headers_bytes)
        return await self._server.start(self._sockets)

    def leave(self) -> None:
        """Make every answer the last one of its connection."""
        if self._server is not None:
            self._server.leave()
        engine = self._compiled or self._reference
        if engine is not None:
            engine.leave()

    async def hand_over(self, control: Path | None) -> None:
        """Leave the listening sockets to a successor. What is not inference is refused: clients ask there."""
        del control
        self.leave()
        if self._server is not None:
            self._server.release()
        if self._split is not None:
            self._split.control = _elsewhere

    async def drain(self, limit: float) -> bool:
        """Take no more clients; wait for the running requests, then cut them. True when all ended."""
        self.leave()
        if self._server is not None:
            self._server.release()
            await self._server.farewell()
        if self._reference is not None:
            done = await self._reference.drain(limit)
        elif self._compiled is not None:
            done = await asyncio.to_thread(self._compiled.drain, limit)
        else:
            done = True
        if not done:
            self._grace = 1
        return done

    async def end(self) -> None:
        """Close what is left."""
        # The engine's door answers what still waits, so the server has nothing left to wait for; the Python
        # engine's requests run on the server's own tasks and end with them.
        if self._inference is not None and self._compiled is not None:
            await self._inference.aclose()
        if self._server is not None:
            await self._server.end(self._grace)
        if self._inference is not None and self._compiled is None:
            await self._inference.aclose()
        for sock in self._sockets:
            sock.close()


async def _elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer for a control plane that is in another process now, which the next connection finds."""
    del receive
    if scope["type"] != "http":
        return
    body = b'{"type":"about:blank","title":"Service Unavailable","status":503,"code":"draining",'
    body += b'"detail":"another process has taken over: ask again"}'
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", b"1"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
