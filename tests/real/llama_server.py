"""llama-cpp-python's server in a process of its own: an OpenAI-compatible server that nobody here wrote.

It lives in an environment of its own (``make real``), because it is compiled and brings its own dependencies.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Self

import tiny_model

from harness.gateway import START_S, clean_environment, until

__all__ = ["CHAT", "EMBEDDING", "KEY", "LlamaServer", "interpreter"]

CHAT = "tiny"
EMBEDDING = "tiny-embedding"
KEY = "sk-of-the-real-server"
_POOL_BY_MEAN = "llama.pooling_type=int:1"
_RUNNING = re.compile(r"Uvicorn running on (http://\S+)")


def interpreter() -> Path:
    """The Python that has the server, from ``REAL_SERVER_PYTHON`` or where ``make real`` puts it."""
    default = Path(__file__).parents[2] / ".cache" / "real" / "bin" / "python"
    found = Path(os.environ.get("REAL_SERVER_PYTHON") or default)
    assert found.exists(), f"no server at {found}: run `make real`, or let `make test-real` do all"
    return found


class LlamaServer:
    """A server that runs, with one model for text and the same file again for embeddings."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "log"
        self._config = folder / "server.json"
        model = folder / "tiny.gguf"
        tiny_model.write(model)
        shared = {"model": str(model), "n_ctx": tiny_model.CONTEXT, "n_threads": 1, "n_threads_batch": 1}
        models = [
            {**shared, "model_alias": CHAT},
            {**shared, "model_alias": EMBEDDING, "embedding": True, "kv_overrides": [_POOL_BY_MEAN]},
        ]
        server = {"host": "127.0.0.1", "port": 0, "api_key": KEY, "interrupt_requests": False}
        self._config.write_text(json.dumps({**server, "models": models}))
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        environ = {name: value for name, value in os.environ.items() if name not in ("HOST", "PORT")}
        command = [str(interpreter()), "-u", "-m", "llama_cpp.server", "--config_file", str(self._config)]
        with self._log.open("wb") as log:
            self._process = process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=clean_environment(environ),
            )

        def running() -> str | None:
            assert process.poll() is None, self.log
            found = _RUNNING.search(self.log)
            return found[1] if found else None

        try:
            self.url = until(running, "the real server", patience=START_S) + "/v1"
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does. Idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
