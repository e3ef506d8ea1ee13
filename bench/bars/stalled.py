"""Clients that ask for a long stream and read none of it: what each of them costs in memory."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from urllib.parse import urlsplit

from ferrogate.cli.bench.compare import Tell
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.processes import memory_bytes, wait_idle
from ferrogate.cli.bench.servers import KEY

from .registry import Pace, Part, Settings, Step
from .report import Bar, Findings
from .runs import ask

READERS, QUICK_READERS = 1000, 50
CHUNKS = 100_000
"""Of 250 bytes, unpaced: 25 MB a stream, far more than the sockets of its way can hold."""
KB = 1000


def readers(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """Resident memory before, and ``seconds`` after the provider has been held back everywhere."""
    count = QUICK_READERS if settings.quick else READERS
    server = lab.server("native")
    lab.script({"chunks": 5, "chunk_bytes": 250})
    ask(server.url)
    wait_idle(server.pids)
    before = memory_bytes(server.pids)[0]
    lab.script({"chunks": CHUNKS, "chunk_bytes": 250})
    with contextlib.ExitStack() as stack:
        tell(f"stalled: opening {count:,} streams")
        clients = [stack.enter_context(_stalled(server.url)) for _ in range(count)]
        begun = sum(_has_begun(client) for client in clients)
        tell(f"stalled: {settings.pace.seconds:g} s without reading")
        wait_idle(server.pids)
        time.sleep(settings.pace.seconds)
        after = memory_bytes(server.pids)[0]
    each = max(0, after - before) / count / KB
    detail = f"{before / KB / KB:.0f} MB before, {after / KB / KB:.0f} MB with {begun:,} streams begun"
    bars = [Bar(f"native, {count:,} stalled readers, memory of each", each, "kB", 64.0, detail)]
    notes = [] if begun == count else [f"{count - begun:,} streams never began"]
    return Findings(bars=bars, notes=notes, failed=begun != count)


def _stalled(url: str) -> socket.socket:
    """Ask for a stream and leave its answer in the socket."""
    parts = urlsplit(url)
    body = json.dumps(
        {"model": "mock/filler", "stream": True, "messages": [{"role": "user", "content": "go"}]}
    )
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {parts.netloc}\r\nauthorization: Bearer {KEY}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    client = socket.create_connection((parts.hostname, parts.port), timeout=10)
    client.sendall(head.encode() + body.encode())
    return client


def _has_begun(client: socket.socket) -> bool:
    try:
        return client.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL) == b"HTTP/1.1 200"
    except OSError:
        return False


PART = Part(
    "stalled",
    "memory of 1,000 clients that do not read their streams",
    {"readers": Step(readers, Pace(rounds=1, seconds=5.0, warmup=0.0), lambda pace: 15 + pace.seconds)},
)
