"""The composition root of ``gateway serve``.

One process, one asyncio loop on the main thread. Three ways in, chosen by settings: the native listener with
the control plane behind a Unix socket; uvicorn with the compiled engine; uvicorn with the Python engine. This
module alone opens sockets, handles signals and decides when things end; what the parts do is theirs.

The order of a start keeps the first answer early: the socket listens before the admin application is
imported, and what arrives meanwhile waits in its queue.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ferrogate.assembly import Assembly
from ferrogate.config.watch import watch
from ferrogate.services import run_file

if TYPE_CHECKING:
    from ferrogate.doors import ASGIApp
    from ferrogate.doors.native import ControlSocket
    from ferrogate.doors.server import Server
    from ferrogate.services.credentials import FirstSecrets

__all__ = ["serve"]

logger = logging.getLogger("ferrogate")

_INTERRUPTED = 128 + signal.SIGINT


def serve(config: Path | None = None, overrides: Mapping[str, Any] | None = None) -> int:
    """Run a gateway until a signal ends it; return the exit code.

    SIGINT and SIGTERM drain, a second SIGINT ends at once, SIGHUP reads the configuration again.

    Args:
        config: the file; None looks for ``gateway.yaml``.
        overrides: settings by dotted name (``server.port``); None was not given.

    Raises:
        FerrogateError: the gateway cannot start; the text says what to do.

    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    assembly = Assembly(config=config, overrides=overrides)
    logger.setLevel(assembly.configuration.effective.settings.log.level.upper())
    try:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_Gateway(assembly).run())
    finally:
        assembly.close()


class _Gateway:
    """A gateway that runs."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._settings = assembly.settings
        self._run: run_file.RunFile | None = None
        self._server: Server | None = None
        self._control: ControlSocket | None = None
        self._inference: Any = None
        self._stopping = asyncio.Event()
        self._exit_code = 0

    @property
    def _is_native(self) -> bool:
        return self._assembly.compiled is not None and self._settings.door == "native"

    async def run(self) -> int:
        """Start, serve until a signal, drain, end."""
        self._handle_signals()
        watching: asyncio.Task[None] | None = None
        try:
            sock, host, port = self._listen()
            self._run = run_file.new(_url(_reachable(host), port))
            self._assembly.start_ingest()
            first = self._assembly.services.credentials.ensure() if self._settings.auth_required else None
            self._server = _new_server(self._make_app())
            ended = await self._server.start(sock)
            ended.add_done_callback(self._server_ended)
            if self._assembly.path is not None:
                watching = asyncio.create_task(self._watch(self._assembly.path), name="config-watch")
            self._announce(host, port, first)
            await self._stopping.wait()
            await self._drain()
        finally:
            if watching is not None:
                watching.cancel()
            await self._end()
        return self._exit_code

    def _listen(self) -> tuple[socket.socket, str, int]:
        """Open the port; return the socket that uvicorn serves, and the address that clients use."""
        settings, engine = self._settings, self._assembly.compiled
        self._assembly.start()
        if engine is not None and self._is_native:
            from ferrogate.doors.native import ControlSocket

            self._control = ControlSocket()
            _, port = engine.listen(settings.host, settings.port, self._control.path)
            return self._control.socket, settings.host, port
        from ferrogate.doors.server import bind

        sock = bind(settings.host, settings.port)
        return sock, settings.host, sock.getsockname()[1]

    def _make_app(self) -> ASGIApp:
        from ferrogate.admin import create_app

        assembly = self._assembly
        control: Any = create_app(
            assembly.services,
            auth_required=self._settings.auth_required,
            run_secret=self._run.secret if self._run else None,
        )
        if self._is_native:
            return cast("ASGIApp", control)
        from ferrogate.doors import Split

        if assembly.compiled is not None:
            from ferrogate.doors.asgi import InferenceApp

            self._inference = InferenceApp(assembly.compiled)
        else:
            self._inference = assembly.reference
        return Split(self._inference, control)

    def _server_ended(self, task: asyncio.Task[None]) -> None:
        if self._stopping.is_set() or task.cancelled():
            return
        logger.error("the control plane ended", exc_info=task.exception())
        engine = self._assembly.compiled
        if engine is not None and self._is_native:
            engine.set_state(ready=True, control=False)
            logger.error("inference goes on; the admin API and the dashboard are gone until a restart")
        else:
            self._stop(1)

    def _announce(self, host: str, port: int, first: FirstSecrets | None) -> None:
        """Say that both halves answer, first thing on standard output."""
        assembly = self._assembly
        lines = [f"listening on {_url(host, port)}", f"dashboard: {_url(_reachable(host), port)}/"]
        if first is not None and first.admin_token:
            lines.append(f"admin token: {first.admin_token}")
        if first is not None and first.gateway_key:
            lines.append(f"gateway key: {first.gateway_key}")
        if self._run is not None:
            run_file.write(assembly.folder, self._run)
        if assembly.compiled is not None:
            assembly.compiled.set_state(ready=True, control=True)
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        assembly.warn()
        gc.collect()
        gc.freeze()  # what the start made lives for ever
        gc.enable()

    async def _drain(self) -> None:
        """Refuse new requests and let the running ones finish."""
        assembly, limit = self._assembly, self._settings.drain_ms / 1000
        logger.info("draining for at most %.0f s; press Ctrl-C again to end at once", limit)
        if assembly.reference is not None:
            done = await assembly.reference.drain(limit)
        elif assembly.compiled is not None:
            assembly.compiled.set_state(ready=False, control=True)
            done = await asyncio.to_thread(assembly.compiled.drain, limit)
        if not done:
            logger.warning("requests were still running after %.0f s and are cut", limit)

    async def _end(self) -> None:
        """Close the ways in; the assembly closes the rest."""
        if self._run is not None:
            run_file.clear(self._assembly.folder, self._run)
        # The engine's door answers what still waits, so the server has nothing left to wait for; the Python
        # engine's requests run on the server's own tasks and end with them.
        if self._inference is not None and self._assembly.compiled is not None:
            await self._inference.aclose()
        if self._server is not None:
            await self._server.end()
        if self._inference is not None and self._assembly.compiled is None:
            await self._inference.aclose()
        if self._control is not None:
            self._control.close()

    async def _watch(self, path: Path) -> None:
        async def changed() -> None:
            await asyncio.to_thread(self._assembly.reload)

        await watch(path, changed, seen=self._assembly.read_stamp)

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        loop.add_signal_handler(signal.SIGTERM, self._stop, 0)
        loop.add_signal_handler(signal.SIGHUP, lambda: loop.run_in_executor(None, self._assembly.reload))

    def _interrupted(self) -> None:
        if self._stopping.is_set():
            if self._run is not None:
                run_file.clear(self._assembly.folder, self._run)
            os._exit(_INTERRUPTED)
        self._stop(_INTERRUPTED)

    def _stop(self, code: int) -> None:
        if not self._stopping.is_set():
            self._exit_code = code
            self._stopping.set()


def _new_server(app: ASGIApp) -> Server:
    from ferrogate.doors.server import Server

    return Server(app)


def _reachable(host: str) -> str:
    """Return how this machine reaches a bind address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1"}.get(host, host)  # noqa: S104


def _url(host: str, port: int) -> str:
    bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{bracketed}:{port}"
