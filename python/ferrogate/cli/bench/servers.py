"""Servers under test as subprocesses: on free loopback ports, found by what they print, ended by their id."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ferrogate.errors import FerrogateError
from ferrogate.providers.registry import Registry

__all__ = [
    "KINDS",
    "Server",
    "ServerError",
    "find_nginx",
    "free_port",
    "start",
    "start_gateway",
    "start_mock",
    "start_nginx",
]

KINDS: Mapping[str, tuple[str, str]] = {
    "native": ("native", "rust"),
    "uvicorn": ("uvicorn", "rust"),
    "python": ("uvicorn", "python"),
}
"""The three ways to run the gateway: ``--server`` and ``--engine`` of each."""

KEY = "sk-bench"

_CONFIG = """\
providers:
  {provider}:
    kind: {kind}
    base_url: "{mock}/v1"
    keys: [{{name: bench, value: {key}}}]
"""

_LISTENING = re.compile(r"listening on (http://\S+)")


class ServerError(FerrogateError):
    """A server under test did not come up."""


@dataclass
class Server:
    """One running server. ``url`` is its root, without a path."""

    name: str
    url: str
    process: subprocess.Popen[bytes]

    @property
    def pids(self) -> list[int]:
        """The process that was started; its children are found from it."""
        return [self.process.pid]

    def stop(self, patience: float = 10.0) -> None:
        """End it: SIGTERM, and SIGKILL when it has not gone after ``patience`` seconds."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()


def start(
    name: str,
    command: Sequence[str | Path],
    folder: Path,
    *,
    url: str | None = None,
    patience: float = 30.0,
    environment: Mapping[str, str] | None = None,
) -> Server:
    """Start ``command`` and wait until it answers.

    Without ``url`` the server has to print ``listening on http://...``; with it, to accept connections there.
    ``environment`` is added to what is passed on. Its output goes to files in ``folder``; the end of it is in
    the error when it does not come up.
    """
    out, err = folder / f"{name}.out", folder / f"{name}.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 - the commands are this program, its Python, and nginx
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=folder,
            env=_environment() | dict(environment or {}),
            start_new_session=True,  # Ctrl-C reaches this program, which ends its servers in order
        )
    server = Server(name, url or "", process)
    deadline = time.monotonic() + patience
    try:
        while time.monotonic() < deadline and process.poll() is None:
            found = _LISTENING.search(out.read_text("utf-8", "replace")) if url is None else None
            if found:
                server.url = found[1].rstrip("/")
            if server.url and _accepts(server.url):
                return server
            time.sleep(0.005)
    except BaseException:
        server.stop()
        raise
    server.stop()
    said = (out.read_text("utf-8", "replace") + err.read_text("utf-8", "replace")).strip()
    raise ServerError(
        f"{name} did not come up within {patience:.0f} s. Its last words:\n{said[-2000:] or '(nothing)'}"
    )


def start_mock(folder: Path, *options: str, name: str = "mock", port: int = 0) -> Server:
    """Start the scripted provider."""
    command = [sys.executable, "-m", "ferrogate", "mock", "--port", str(port), *options]
    return start(name, command, folder)


def start_gateway(
    kind: str,
    folder: Path,
    mock: str,
    *,
    workers: int = 1,
    name: str | None = None,
    configuration: str | None = None,
    provider: str = "mock",
) -> Server:
    """Start a gateway of one of ``KINDS`` with ``provider`` at the URL ``mock``; its data is in ``folder``.

    ``configuration`` is the text of another gateway.yaml, which then says where the providers are.
    """
    door, engine = KINDS[kind]
    name = name or kind
    config = folder / f"{name}.yaml"
    # A provider of the registry, of another package too, brings its own path, headers and quirks.
    own = provider != "mock" and provider in Registry.load()
    text = _CONFIG.format(
        mock=mock, key=KEY, provider=provider, kind=provider if own else "openai-compatible"
    )
    config.write_text(configuration or text, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "ferrogate",
        "serve",
        "--server",
        door,
        "--engine",
        engine,
        "--port",
        "0",
    ]
    command += ["--data", str(folder / f"{name}-data"), "--config", str(config), "--workers", str(workers)]
    return start(name, command, folder)


def find_nginx() -> str | None:
    """Look for nginx; it often sits in a folder that is not on a user's PATH."""
    places = [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"]
    return shutil.which("nginx", path=os.pathsep.join(places))


def start_nginx(folder: Path, mock: str, connections: int = 4096) -> Server:
    """One nginx worker for so many clients in front of the URL ``mock``, by the committed template."""
    program = find_nginx()
    if program is None:
        raise ServerError("nginx is not installed")
    port = free_port()
    home = folder / "nginx"
    home.mkdir(exist_ok=True)
    text = resources.files("ferrogate.cli.bench").joinpath("nginx.conf").read_text("utf-8")
    values = {"FILES": 4 * connections, "CONNECTIONS": 2 * connections, "FOLDER": home, "PORT": port}
    values["UPSTREAM"] = mock.removeprefix("http://")
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    config = home / "nginx.conf"
    config.write_text(text, encoding="utf-8")
    command = [program, "-p", str(home), "-e", str(home / "nginx-error.log"), "-c", str(config)]
    return start("nginx", command, folder, url=f"http://127.0.0.1:{port}")


def free_port() -> int:
    """Find a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    """Leave out what would configure a gateway: a bench must not spend anyone's keys."""

    def kept(name: str) -> bool:
        return not (name.startswith("GATEWAY_") or name.endswith(("_API_KEY", "_TOKEN", "_proxy", "_PROXY")))

    return {name: value for name, value in os.environ.items() if kept(name)} | {"PYTHONUNBUFFERED": "1"}


def _accepts(url: str) -> bool:
    host, _, port = url.removeprefix("http://").rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=1):
            return True
    except OSError:
        return False
