"""uvicorn, as a part of the gateway and not as its master.

``app.py`` alone handles signals, opens sockets and decides when things end; this server takes a bound socket,
serves an application on it, and stops when told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from functools import partial

import uvicorn
from uvicorn.server import ServerState

from ferrogate.doors import ASGIApp
from ferrogate.doors.direct import DirectProtocol
from ferrogate.errors import AddressError, EngineError

__all__ = ["Server", "bind"]

_KEEP_ALIVE_S = 75
_FAREWELL_S = 0.5
"""A connection that is busy has brought its next request by then, and been told that it is the last."""


class State(ServerState):
    """What uvicorn's protocols share, and whether every answer is the last one of its connection."""

    leaving = False


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals alone and sleeps between ticks.

    Args:
        app: the application; it gets no lifespan events.
        headers_bytes: gives the bound on a request's head that is in force.

    """

    def __init__(self, app: ASGIApp, *, headers_bytes: Callable[[], int]) -> None:
        config = uvicorn.Config(
            app,
            http=partial(DirectProtocol, headers_bytes=headers_bytes),  # type: ignore[arg-type]  # it is called
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
        super().__init__(config)
        self.server_state: State = State()
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

    @property
    def connections(self) -> int:
        """Clients that are connected."""
        return len(self.server_state.connections)

    async def start(self, sockets: list[socket.socket]) -> asyncio.Task[None]:
        """Serve on sockets that are bound and listening; return once connections are taken.

        The task ends when the server does, by :meth:`end` or by a fault of its own.
        """
        self._task = asyncio.create_task(self.serve(sockets=sockets), name="uvicorn")
        while not self.started:
            await asyncio.sleep(0.001)  # uvicorn offers a flag and no event
            if self._task.done():
                await self._task
                raise EngineError("the HTTP server ended before it took a connection")
        return self._task

    def leave(self) -> None:
        """Make every answer the last one of its connection."""
        self.server_state.leaving = True

    def release(self) -> None:
        """Close the listening sockets; connections stay."""
        for server in self.servers:
            server.close()

    async def farewell(self) -> None:
        """Give clients a moment to bring the last request of their connection, where they are about to."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                while self.connections:  # noqa: ASYNC110 - uvicorn offers a set and no event
                    await asyncio.sleep(0.01)

    async def end(self, grace: int = 5) -> None:
        """Take no more connections, and return when the running requests have ended, or after the grace.

        Args:
            grace: seconds that running requests have.

        """
        self.leave()
        await self.farewell()
        self.config.timeout_graceful_shutdown = grace
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
        # `::` is every address of both families, as it is for the native listener.
        both = family == socket.AF_INET6 and address[0] == "::" and socket.has_dualstack_ipv6()
        return socket.create_server(address, family=family, backlog=2048, dualstack_ipv6=both)
    except OSError as error:
        raise AddressError(
            f"cannot listen on {host}:{port} ({error.strerror or error}): choose with --host and --port"
        ) from error
