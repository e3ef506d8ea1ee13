"""``gateway serve`` as a subprocess: started as a test says, ended by SIGTERM, and expected to end well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import psutil

from ferrogate.providers.builtin import BUILTIN
from harness.doors import Door

__all__ = ["START_S", "Gateway", "clean_environment", "until"]

START_S = 30.0
"""How long a start may take on a busy machine; a start that fails is noticed at once."""
_STOP_S = 20.0
_FOREIGN = ("GATEWAY_", "OPENAI_", "AZURE_", "ANTHROPIC_")
_FOREIGN_NAMES = frozenset(
    variable
    for spec in BUILTIN
    for variable in (
        *spec.env_keys,
        *spec.env_base_url,
        *spec.header_env.values(),
        *(name for option in spec.options for name in option.env),
    )
) | {"OLLAMA_HOST", "OLLAMA_API_KEY"}
_SCREEN = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES", "PAGER")
_NETWORK = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

T = TypeVar("T")


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What is left without anything that configures a gateway or its screen, or holds a key."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(_FOREIGN) and name not in _FOREIGN_NAMES and name not in _SCREEN
    }
    return {**kept, "TERM": "xterm"}


def until(probe: Callable[[], T | None], what: str, *, patience: float = 15.0, pause: float = 0.02) -> T:
    """Ask again and again for something that must come; what comes late fails loudly."""
    end = time.monotonic() + patience
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come within {patience:.0f} s")
        time.sleep(pause)


class Gateway:
    """A gateway that runs.

    Args:
        folder: where its configuration, data and output lie.
        door: the way in.
        config: what ``gateway.yaml`` holds; None for no file. JSON is YAML.
        flags: more of the command line.
        environ: more of the environment.
        admin_token: what to send to the admin API, where it asks for credentials.

    """

    def __init__(
        self,
        folder: Path,
        door: Door,
        *,
        config: Mapping[str, Any] | None = None,
        flags: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        admin_token: str | None = None,
        data: Path | None = None,
    ) -> None:
        self.door = door
        self.folder = folder
        self.data = data or folder / "data"
        self.config_path = folder / "gateway.yaml"
        self.stdout_path = folder / "stdout"
        self.stderr_path = folder / "stderr"
        self._flags = list(flags)
        self._environ = dict(environ or {})
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if config is not None:
            self.write_config(config)
        self.url = ""
        headers = {"authorization": f"Bearer {admin_token}"} if admin_token else {}
        self.http = httpx.Client(trust_env=False, timeout=30.0)
        self.admin = httpx.Client(trust_env=False, timeout=30.0, headers=headers)

    def write_config(self, config: Mapping[str, Any] | str) -> None:
        self.config_path.write_text(config if isinstance(config, str) else json.dumps(config))

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the process, without waiting for it to answer."""
        command = [sys.executable, "-m", "ferrogate", "serve", "--port", "0", "--data", str(self.data)]
        if self.config_path.exists():
            command += ["--config", str(self.config_path)]
        command += [*self.door.flags, *self._flags]
        environ = {
            name: value
            for name, value in clean_environment(os.environ).items()
            if name.upper() not in _NETWORK
        }
        environ |= {"PYTHONUNBUFFERED": "1"} | self._environ
        with self.stdout_path.open("wb") as stdout, self.stderr_path.open("wb") as stderr:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, cwd=self.folder, env=environ
            )
        return self._process

    def start(self) -> None:
        """Start it and wait until it says that it listens."""
        process = self.spawn()

        def listening() -> str | None:
            if process.poll() is not None:
                raise AssertionError(f"the gateway ended with {process.returncode}: {self.stderr}")
            first, newline, _ = self.stdout.partition("\n")
            return first if newline else None

        line = until(listening, "'listening on'", patience=START_S)
        prefix = "listening on "
        assert line.startswith(prefix), line
        self.url = line.removeprefix(prefix).replace("0.0.0.0", "127.0.0.1")
        self.http.base_url = self.admin.base_url = self.url

    @property
    def stdout(self) -> str:
        return self.stdout_path.read_text()

    @property
    def stderr(self) -> str:
        return self.stderr_path.read_text()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def rss(self) -> int:
        """Bytes of memory that the process holds."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end; return the exit code."""
        assert self._process is not None
        return self._process.wait(_STOP_S)

    def stop(self) -> None:
        """End it as an operator does, and see that it ended well."""
        self._close_clients()
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(_STOP_S)
        finally:
            self.kill()
        assert code == 0, f"exit code {code}: {self.stderr}"
        self.check_output()

    def check_output(self) -> None:
        """No traceback and no panic: whatever clients and providers did, it was foreseen."""
        for word in ("Traceback", "panicked", "Task exception was never retrieved", "Exception in ASGI"):
            assert word not in self.stderr, self.stderr

    def kill(self) -> None:
        self._close_clients()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _close_clients(self) -> None:
        self.http.close()
        self.admin.close()

    def row(self, request_id: str) -> dict[str, Any]:
        """The log's row of a request; it comes within two seconds of the request's end."""

        def found() -> dict[str, Any] | None:
            answer = self.admin.get(f"/api/v1/logs/{request_id}")
            return dict(answer.json()) if answer.status_code == 200 else None

        return until(found, f"the log row of {request_id}", pause=0.05)

    def lanes(self, provider: str) -> list[dict[str, Any]]:
        """What is known of a provider's lanes, without the log's delay."""
        return [item for item in self.call("GET", "lanes")["items"] if item["provider"] == provider]

    def call(self, method: str, path: str, **body: Any) -> Any:
        """Call the admin API; it must succeed."""
        answer = self.admin.request(method, f"/api/v1/{path}", json=body if body else None)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None
