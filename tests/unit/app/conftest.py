"""A gateway in a process of its own, and a provider for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

CHAT = b'{"id":"c","choices":[{"index":0,"finish_reason":"stop","message":{"content":"hi"}}]}'


class Provider(ThreadingHTTPServer):
    """Answers every POST with one chat completion; a body with the word "slow" waits for ``release``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.release = threading.Event()
        self.waiting = threading.Event()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_POST(self) -> None:
        if b"slow" in self.rfile.read(int(self.headers["content-length"])):
            self.server.waiting.set()
            self.server.release.wait(60)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(CHAT)))
        self.end_headers()
        self.wfile.write(CHAT)

    def log_message(self, *_: object) -> None:
        pass


class Gateway:
    """``gateway serve`` on a free port; ready, or ended, when it is made."""

    def __init__(self, *flags: str, data: Path, env: dict[str, str] | None = None) -> None:
        ours = {name for name in os.environ if name.startswith("GATEWAY_") or name.endswith("_API_KEY")}
        clean = {name: value for name, value in os.environ.items() if name not in ours}
        command = [sys.executable, "-m", "ferrogate", "serve", "--port", "0", "--data", str(data), *flags]
        self.errors = data.with_suffix(".log")
        with self.errors.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**clean, **(env or {})},
                text=True,
                cwd=data.parent,
            )
        assert self.process.stdout is not None
        self.first = self.process.stdout.readline().strip()
        self.second = self.process.stdout.readline().strip()
        self.url = self.first.removeprefix("listening on ")

    def client(self, **more: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, timeout=30, **more)  # type: ignore[arg-type]

    def end(self, sig: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and the rest of standard output."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        rest, _ = self.process.communicate(timeout=60)
        return self.process.returncode, rest


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.release.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Start gateways on the test's own folder; whatever is left is ended behind the test."""
    started: list[Gateway] = []

    def make(*flags: str, data: str = "data", env: dict[str, str] | None = None) -> Gateway:
        started.append(Gateway(*flags, data=tmp_path / data, env=env))
        return started[-1]

    yield make
    for gateway in started:
        if gateway.process.poll() is None:
            gateway.process.kill()
        gateway.process.communicate()
