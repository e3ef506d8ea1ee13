"""Portkey's gateway: https://github.com/Portkey-AI/gateway

Where a request goes is said by its headers: the dialect, and the base URL of the provider.

Its HTTP adapter is held at the oldest version that it allows: with the newest, which a fresh install takes,
every stream ends with a 500 (headers that cannot be changed).
"""

from __future__ import annotations

import json
from pathlib import Path

from ferrogate.cli.bench import servers
from ferrogate.cli.bench.servers import ServerError

from .peer import HOME, Peer, Running

_PACKAGE = HOME / "portkey" / "node_modules" / "@portkey-ai" / "gateway"
_PROGRAM = HOME / "portkey" / "node_modules" / ".bin" / "gateway"


def begin(folder: Path, mock: str) -> Running:
    port = servers.free_port()
    server = servers.start(
        "portkey", [_PROGRAM, f"--port={port}"], folder, url=f"http://127.0.0.1:{port}", patience=60.0
    )
    headers = {
        "authorization": f"Bearer {servers.KEY}",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"{mock}/v1",
    }
    return Running(server, headers)


def version() -> str:
    try:
        return str(json.loads((_PACKAGE / "package.json").read_text("utf-8"))["version"])
    except OSError as error:
        raise ServerError(f"portkey's version cannot be read: {error}") from error


PORTKEY = Peer("portkey", "npx @portkey-ai/gateway", _PROGRAM, version, begin)
