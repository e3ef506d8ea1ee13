"""The composition root of ``gateway serve``.

One process, one asyncio loop on the main thread. Three ways in, chosen by settings: the native listener with
the control plane behind a Unix socket; uvicorn with the compiled engine; uvicorn with the Python engine. This
module alone handles signals and decides when things start and end; what the parts do is theirs.

The order of a start keeps the first answer early: the socket listens before the admin application is
imported, and what arrives meanwhile waits in its queue. A start that takes over from a running gateway goes
the other way round: it is ready before it takes the first connection.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferrogate.assembly import Assembly
from ferrogate.config.watch import watch
from ferrogate.doors import address, systemd
from ferrogate.services import run_file
from ferrogate.terminal import LineFormatter

if TYPE_CHECKING:
    from ferrogate.doors import ASGIApp, Door
    from ferrogate.doors.certificate import ListenerCertificate
    from ferrogate.doors.take_over import Offer
    from ferrogate.services.credentials import FirstSecrets

__all__ = ["serve"]

logger = logging.getLogger("ferrogate")

_INTERRUPTED = 128 + signal.SIGINT
_LAST_ROWS_S = 1.0
"""What an end at once waits for the journal to be written."""
_TRIM_EVERY_S = 5.0


def serve(
    config: Path | None = None, overrides: Mapping[str, Any] | None = None, *, take_over: bool = False
) -> int:
    """Run a gateway until a signal ends it; return the exit code.

    SIGINT and SIGTERM drain, a second one ends at once, SIGHUP reads the configuration again.

    Args:
        config: the file; None looks for ``gateway.yaml``.
        overrides: settings by dotted name (``server.port``); None was not given.
        take_over: replace the gateway that runs on the data folder, if one does.

    Raises:
        FerrogateError: the gateway cannot start; the text says what to do.

    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler])
    sockets = systemd.inherited(os.environ)
    assembly = Assembly(
        config=config, overrides={**(overrides or {}), **address.settings_of(sockets)}, take_over=take_over
    )
    logger.setLevel(assembly.configuration.effective.settings.log.level.upper())
    try:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_Gateway(assembly, sockets).run())
    finally:
        assembly.close()


class _Gateway:
    """A gateway that runs.

    Args:
        assembly: what it consists of.
        sockets: listening sockets that systemd opened, if it did.

    """

    def __init__(self, assembly: Assembly, sockets: Sequence[socket.socket]) -> None:
        self._assembly = assembly
        self._settings = assembly.settings
        self._inherited = sockets
        self._door = self._make_door()
        self._certificate = self._load_certificate()
        self._run: run_file.RunFile | None = None
        self._offer: Offer | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._handed_over = False
        self._signals = 0
        self._exit_code = 0

    def _make_door(self) -> Door:
        assembly = self._assembly
        if assembly.compiled is not None and self._settings.door == "native":
            from ferrogate.doors.native import NativeDoor

            return NativeDoor(assembly.compiled, self._headers_bytes)
        from ferrogate.doors.hosted import HostedDoor

        return HostedDoor(assembly.compiled, assembly.reference, self._headers_bytes)

    def _load_certificate(self) -> ListenerCertificate | None:
        tls, engine = self._settings.tls, self._assembly.compiled
        if tls is None or engine is None:
            return None
        from ferrogate.doors.certificate import ListenerCertificate

        return ListenerCertificate(tls, engine)

    async def run(self) -> int:
        """Start, serve until a signal or a successor, drain, end."""
        self._handle_signals()
        try:
            self._assembly.start()
            if self._assembly.predecessor is None:
                await self._begin()
            else:
                await self._succeed(self._assembly.predecessor)
            if self._assembly.path is not None:
                self._tasks.append(asyncio.create_task(self._watch(self._assembly.path), name="config-watch"))
            if self._certificate is not None:
                self._tasks.append(asyncio.create_task(self._watch_certificate(), name="certificate-watch"))
            self._tasks.append(asyncio.create_task(self._give_memory_back(), name="memory"))
            await self._stopping.wait()
            await self._depart()
        finally:
            for task in self._tasks:
                task.cancel()
            await self._end()
        return self._exit_code

    async def _give_memory_back(self) -> None:
        from ferrogate.services.memory import Trimmer, system_release

        engine, release = self._assembly.compiled, system_release()
        if engine is None or release is None:
            return

        def clients() -> int:
            status = engine.status()
            return max(int(status["connections"]), int(status["in_flight"]))

        trimmer = Trimmer(clients, release)
        while True:
            await asyncio.sleep(_TRIM_EVERY_S)
            await asyncio.to_thread(trimmer.look)

    async def _begin(self) -> None:
        """Start on an address of its own, or on the sockets that systemd opened."""
        host = self._settings.host
        port = self._door.listen(host, self._settings.port, self._inherited)
        self._offer_succession(host)
        self._run = self._entry(self._url(address.reachable(host), port))
        self._assembly.start_ingest()
        first = self._assembly.services.credentials.ensure() if self._settings.auth_required else None
        await self._serve(self._make_app(self._run.secret))
        self._announce(host, port, first)

    async def _succeed(self, running: run_file.RunFile) -> None:
        """Start beside a running gateway, then take its place."""
        from ferrogate.doors.take_over import Predecessor

        host = self._settings.host
        with closing(await asyncio.to_thread(Predecessor, running.take_over)) as predecessor:
            app = self._make_app(running.secret)
            sockets = await asyncio.to_thread(predecessor.sockets, host, self._settings.port)
            self._offer_succession(host)
            scheme = "http" if self._certificate is None else "https"
            self._run = self._entry(f"{scheme}://{running.url.partition('://')[2]}", running.secret)
            if self._assembly.compiled is not None:
                self._assembly.compiled.set_state(ready=True, control=True)
            port = self._door.listen(host, 0, self._inherited or sockets)
            await self._serve(app)
            await asyncio.to_thread(predecessor.go, self._door.control)
        await asyncio.to_thread(self._assembly.succeed)
        self._assembly.start_ingest()
        logger.info("took over from process %d", running.pid)
        self._announce(host, port, None)

    def _offer_succession(self, host: str) -> None:
        from ferrogate.doors.take_over import Offer

        self._offer = Offer(host, self._door.descriptors, self._hand_over)

    def _entry(self, url: str, secret: str | None = None) -> run_file.RunFile:
        take_over = None if self._offer is None else self._offer.path
        leaf = "" if self._certificate is None else self._certificate.leaf
        return run_file.new(url, secret=secret, take_over=take_over, certificate=leaf)

    def _url(self, host: str, port: int) -> str:
        return address.url(host, port, tls=self._certificate is not None)

    def _make_app(self, secret: str) -> ASGIApp:
        from ferrogate.admin import create_app

        app: Any = create_app(
            self._assembly.services, auth_required=self._settings.auth_required, run_secret=secret
        )
        return app  # type: ignore[no-any-return]

    async def _serve(self, app: ASGIApp) -> None:
        ended = await self._door.serve(app)
        ended.add_done_callback(self._server_ended)

    def _headers_bytes(self) -> int:
        return self._assembly.services.configuration.snapshot.limits.client_headers_bytes

    def _server_ended(self, task: asyncio.Task[None]) -> None:
        if self._stopping.is_set() or task.cancelled():
            return
        logger.error("the control plane ended", exc_info=task.exception())
        engine = self._assembly.compiled
        if engine is not None and self._door.control is not None:
            engine.set_state(ready=True, control=False)
            logger.error("inference goes on; the admin API and the dashboard are gone until a restart")
        else:
            self._stop(1)

    def _announce(self, host: str, port: int, first: FirstSecrets | None) -> None:
        """Say that both halves answer, first thing on standard output."""
        assembly = self._assembly
        lines = [
            f"listening on {self._url(host, port)}",
            f"dashboard: {self._url(address.reachable(host), port)}/",
        ]
        if first is not None and first.admin_token:
            lines.append(f"admin token: {first.admin_token}")
        if first is not None and first.gateway_key:
            lines.append(f"gateway key: {first.gateway_key}")
        if self._run is not None:
            run_file.write(assembly.folder, self._run)
        if self._offer is not None:
            self._tasks.append(asyncio.create_task(self._offer.run(), name="take-over"))
        if assembly.compiled is not None:
            assembly.compiled.set_state(ready=True, control=True)
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        systemd.notify(os.environ, "READY=1")
        assembly.warn()
        gc.collect()
        gc.freeze()  # what the start made lives for ever
        gc.enable()

    async def _hand_over(self, control: Path | None) -> None:
        """Let a successor that is ready take the place of this process."""
        self._handed_over = True
        await self._door.hand_over(control)
        await asyncio.to_thread(self._assembly.resign)
        self._stop(0)

    async def _depart(self) -> None:
        """Send clients away, refuse new requests, and let the running ones finish."""
        server = self._assembly.configuration.effective.settings.server
        limit = server.drain_ms / 1000
        systemd.notify(os.environ, "STOPPING=1")
        if self._handed_over:
            logger.info("another process has taken over; draining for at most %.0f s", limit)
            limit -= await self._wait_for_clients(limit)
        else:
            logger.info("draining for at most %.0f s; press Ctrl-C again to end at once", limit)
            if self._exit_code == 0 and server.drain_grace_ms:
                self._door.leave()
                await asyncio.sleep(server.drain_grace_ms / 1000)
        if not await self._door.drain(limit):
            logger.warning("requests were still running at the end of the drain and were cut")

    async def _wait_for_clients(self, limit: float) -> float:
        """Wait until every client has gone to the successor; return the seconds that it took.

        An idle connection is left open: closed, it could meet a request that is on its way. Its next answer
        is the last one, or the limit ends it.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        while self._door.connections and loop.time() - began < limit and not self._hurry.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await self._hurry.wait()
        return min(loop.time() - began, limit)

    async def _end(self) -> None:
        """Close the ways in; the assembly closes the rest."""
        if self._offer is not None:
            self._offer.close()
        self._clear_run_file()
        await self._door.end()

    def _clear_run_file(self) -> None:
        if self._run is not None and not self._handed_over:
            run_file.clear(self._assembly.folder, self._run)

    async def _watch(self, path: Path) -> None:
        async def changed() -> None:
            await asyncio.to_thread(self._reload)

        def files() -> tuple[Path, ...]:
            return (path, *self._assembly.configuration.hooks.files)

        assembly = self._assembly
        read = assembly.read_stamp
        seen = None if read is None else (*read, *assembly.configuration.hooks.seen)
        await watch(files, changed, seen=seen)

    async def _watch_certificate(self) -> None:
        async def changed() -> None:
            await asyncio.to_thread(self._reload_certificate)

        if self._certificate is not None:
            await watch(self._certificate.paths, changed, seen=self._certificate.read_stamp)

    def _reload(self) -> None:
        if not self._handed_over:
            self._assembly.reload()
            self._reload_certificate()

    def _reload_certificate(self) -> None:
        certificate = self._certificate
        if (
            certificate is not None
            and certificate.reload()
            and self._run is not None
            and not self._handed_over
        ):
            self._run = replace(self._run, certificate=certificate.leaf)
            run_file.write(self._assembly.folder, self._run)

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._signalled, signal.SIGINT, _INTERRUPTED)
        loop.add_signal_handler(signal.SIGTERM, self._signalled, signal.SIGTERM, 0)
        loop.add_signal_handler(signal.SIGHUP, lambda: loop.run_in_executor(None, self._reload))

    def _signalled(self, number: signal.Signals, code: int) -> None:
        self._signals += 1
        if self._signals > 1:
            self._end_now(128 + number)
        self._stop(code)
        self._hurry.set()

    def _end_now(self, code: int) -> None:
        """End without waiting for anybody but the journal, from which the next start fills the log."""
        self._clear_run_file()
        if self._assembly.compiled is not None:
            journal = threading.Thread(target=self._assembly.compiled.stop, daemon=True)
            journal.start()
            journal.join(_LAST_ROWS_S)
        os._exit(code)

    def _stop(self, code: int) -> None:
        if not self._stopping.is_set():
            self._exit_code = code
            self._stopping.set()
