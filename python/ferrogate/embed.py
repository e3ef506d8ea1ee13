"""The gateway inside somebody else's ASGI application: ``app.mount("/llm", ferrogate.asgi_app())``.

A mounted application gets no lifespan, and its process may fork before it serves. So nothing starts before
the first request, a child of a fork starts its own, and the end comes at the end of the process or by
:func:`lifespan`.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import sys
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ferrogate.doors import ASGIApp, Receive, Scope, Send, Split

if TYPE_CHECKING:
    from ferrogate.assembly import Assembly

__all__ = ["Application", "asgi_app", "lifespan"]


def asgi_app(
    config: str | Path | None = None,
    *,
    data: str | Path | None = None,
    auth: Literal["required"] | None = "required",
    admin: bool = False,
    **overrides: Any,
) -> Application:
    """Make an ASGI application that answers the inference routes.

    Args:
        config: ``gateway.yaml``; None takes the one in the working folder, if any.
        data: the data folder; default ``./data``. One process at a time may use a folder.
        auth: ``required`` asks for a gateway key; None lets every caller in that the application around lets
            in.
            Host and Origin are the application's to check in both cases.
        admin: serve the admin API too, always behind the admin token.
        **overrides: settings of the section ``server``, such as ``workers=2`` or ``engine="python"``.

    """
    settings = {f"server.{name}": value for name, value in overrides.items()}
    settings["server.data"] = None if data is None else str(data)
    settings["server.auth"] = "required" if auth == "required" else "off"
    return Application(None if config is None else Path(config), settings, admin=admin)


class Application:
    """The ASGI application; :func:`asgi_app` makes it."""

    def __init__(self, config: Path | None, overrides: dict[str, Any], *, admin: bool) -> None:
        self._config = config
        self._overrides = overrides
        self._admin = admin
        self._running: _Running | None = None
        self._starting: asyncio.Task[_Running] | None = None
        self._pid = os.getpid()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; the first one starts the gateway."""
        if scope["type"] == "lifespan":
            await _own_lifespan(receive, send)
            return
        running = self._running
        if running is None or running.pid != os.getpid():
            running = await self._start()
        await running.app(scope, receive, send)

    async def aclose(self) -> None:
        """End the gateway; a later request starts it anew."""
        running, self._running = self._running, None
        if running is not None and running.pid == os.getpid():
            await running.aclose()

    def close(self) -> None:
        """End the gateway's threads at the end of the process, when no loop runs any more."""
        running, self._running = self._running, None
        if running is not None and running.pid == os.getpid():
            running.assembly.close()

    async def _start(self) -> _Running:
        """Start once, however many requests wait for it."""
        if self._pid != os.getpid():
            self._pid, self._starting, self._running = os.getpid(), None, None
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self._build())
            self._starting.add_done_callback(self._started)
        return await asyncio.shield(self._starting)

    def _started(self, task: asyncio.Task[_Running]) -> None:
        self._starting = None
        if not task.cancelled() and task.exception() is None:
            self._running = task.result()
            _live.add(self)

    async def _build(self) -> _Running:
        from ferrogate.assembly import Assembly

        def assemble() -> Assembly:
            assembly = Assembly(config=self._config, overrides=self._overrides, open_hosts=True)
            assembly.start()
            assembly.start_ingest()
            return assembly

        return _Running(await asyncio.to_thread(assemble), admin=self._admin)


class _Running:
    """A gateway that has started, in the process ``pid``."""

    def __init__(self, assembly: Assembly, *, admin: bool) -> None:
        self.pid = os.getpid()
        self.assembly = assembly
        self._inference: Any = assembly.reference
        if assembly.compiled is not None:
            from ferrogate.doors.asgi import InferenceApp

            self._inference = InferenceApp(assembly.compiled)
            assembly.compiled.set_state(ready=True, control=False)
        self.app: ASGIApp = self._inference
        if admin:
            from ferrogate.admin import create_app

            control: Any = create_app(assembly.services, auth_required=True, page=False)
            self.app = Split(self._inference, control)
        if assembly.settings.auth_required or admin:
            _show(assembly)

    async def aclose(self) -> None:
        """End it from inside the loop."""
        await self._inference.aclose()
        await asyncio.to_thread(self.assembly.close)


def _show(assembly: Assembly) -> None:
    """Print what the first start made, once; standard output belongs to the application around."""
    first = assembly.services.credentials.ensure()
    if first.admin_token:
        sys.stderr.write(f"ferrogate admin token: {first.admin_token}\n")
    if first.gateway_key:
        sys.stderr.write(f"ferrogate gateway key: {first.gateway_key}\n")


_live: weakref.WeakSet[Application] = weakref.WeakSet()


@asynccontextmanager
async def lifespan(app: Any = None) -> AsyncIterator[None]:
    """End every embedded gateway with the application around: ``FastAPI(lifespan=ferrogate.lifespan)``."""
    del app
    try:
        yield
    finally:
        for application in list(_live):
            await application.aclose()


@atexit.register
def _at_exit() -> None:
    for application in list(_live):
        application.close()


async def _own_lifespan(receive: Receive, send: Send) -> None:
    """Answer a server that runs this application by itself."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    for application in list(_live):
        await application.aclose()
    await send({"type": "lifespan.shutdown.complete"})
