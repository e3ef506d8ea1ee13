"""A temporary place where servers run side by side on one mock provider, and are all gone afterwards."""

from __future__ import annotations

import json
import signal
import tempfile
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from ferrogate.cli.bench import servers
from ferrogate.cli.bench.servers import KEY, KINDS, Server, ServerError

__all__ = ["SERVERS", "Lab", "lab"]

SERVERS = ("direct", "nginx", *KINDS)
"""What can be compared, in the order of tables. ``direct`` is the mock itself: the floor."""


class Lab:
    """Servers that share one mock. All are ended when the lab closes, the last one first."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._running: dict[str, Server] = {}

    @property
    def mock(self) -> Server:
        """The scripted provider, started at the first use; it keeps no copies of requests."""
        return self._once("mock", lambda: servers.start_mock(self.folder, "--no-record"))

    def server(self, name: str, workers: int = 1, provider: str = "mock") -> Server:
        """One of ``SERVERS``, started at the first use; a gateway has the mock under ``provider``'s name."""
        if name == "direct":
            return self.mock
        mock = self.mock.url
        if name == "nginx":
            return self._once(name, lambda: servers.start_nginx(self.folder, mock))
        return self._once(
            name,
            lambda: servers.start_gateway(name, self.folder, mock, workers=workers, provider=provider),
        )

    def add(self, server: Server) -> Server:
        """Take care of a server that was started elsewhere."""
        self._stack.callback(server.stop)
        self._running[server.name] = server
        return server

    def stop(self, name: str) -> None:
        """End one server now."""
        self._running.pop(name).stop()

    def script(self, behaviour: Mapping[str, Any], key: str = KEY, at: str | None = None) -> None:
        """Set what the mock does for requests with a key, until the next call.

        Default: the bench's key, and the lab's mock; ``at`` is the URL of another.
        """
        body = json.dumps(dict(behaviour)).encode()
        request = urllib.request.Request(  # noqa: S310 - our own mock on loopback
            f"{at or self.mock.url}/_mock/keys/{key}",
            data=body,
            method="PUT",
            headers={"content-type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(request, timeout=10).close()
        except OSError as error:
            raise ServerError(f"the mock did not take the script {dict(behaviour)}: {error}") from error

    def _once(self, name: str, begin: Any) -> Server:
        if name not in self._running:
            self.add(begin())
        return self._running[name]


@contextmanager
def lab() -> Iterator[Lab]:
    """Open a lab. However the block ends, by Ctrl-C or SIGTERM too, no process and no file of it stays."""

    def ended(signum: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + signum)

    with ExitStack() as stack:
        # Only the main thread may, and only there does a signal arrive.
        if threading.current_thread() is threading.main_thread():
            stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, ended))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ferrogate-bench-"))
        yield Lab(Path(folder), stack)
