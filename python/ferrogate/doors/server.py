"""uvicorn, as a part of the gateway and not as its master.

``app.py`` alone handles signals, opens sockets and decides when things end; this server takes a bound socket,
serves an application on it, and stops when told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

import uvicorn

from ferrogate.doors import ASGIApp
from ferrogate.doors.encoded import EncodedProtocol
from ferrogate.errors import AddressError, EngineError

__all__ = ["Server", "bind"]

_KEEP_ALIVE_S = 75


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals alone and sleeps between ticks.

    Args:
        app: the application; it gets no lifespan events.
        grace: seconds that running requests have once :meth:`end` was called.

    """

    def __init__(self, app: ASGIApp, *, grace: int = 5) -> None:
        config = uvicorn.Config(
            app,
            http=EncodedProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=grace,
        )
        super().__init__(config)
        logging.getLogger("uvicorn.error").addFilter(_is_not_a_cut)
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to the caller."""
        yield

    async def main_loop(self) -> None:
        """Refresh the date header once a second, instead of waking ten times."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._stop.wait()

    async def start(self, sock: socket.socket) -> asyncio.Task[None]:
        """Serve on a socket that is bound and listening; return once connections are taken.

        The task ends when the server does, by :meth:`end` or by a fault of its own.
        """
        self._task = asyncio.create_task(self.serve(sockets=[sock]), name="uvicorn")
        while not self.started:
            await asyncio.sleep(0.001)  # uvicorn offers a flag and no event
            if self._task.done():
                await self._task
                raise EngineError("the HTTP server ended before it took a connection")
        return self._task

    async def end(self) -> None:
        """Take no more connections, and return when the running requests have ended, or after the grace."""
        self.should_exit = True
        self._stop.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)


def _is_not_a_cut(record: logging.LogRecord) -> bool:
    """Leave out what uvicorn says of a stream that was cut on purpose; the request log has the cause."""
    return record.msg != "ASGI callable returned without completing response."


def bind(host: str, port: int) -> socket.socket:
    """Open a listening TCP socket.

    Raises:
        AddressError: the address cannot be had.

    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        raise AddressError(
            f"cannot listen on {host}:{port} ({error.strerror or error}): choose with --host and --port"
        ) from error
