"""The gateway under test, from outside: its process, its admin API, its gauges."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil

from ferrogate.cli.bench import servers

from .proxy import Provider

__all__ = ["ALIAS", "STALL_S", "Footprint", "Gateway"]

ALIAS = "chaos"
"""A model that leads to every provider."""
STALL_S = 2.0
Footprint = dict[str, int]

_GAUGES = ("ferrogate_in_flight_requests", "ferrogate_client_connections", "ferrogate_buffered_bytes")


def configuration(providers: Sequence[Provider]) -> dict[str, Any]:
    """Clocks that are short, because every one of them shall run out in a run of a minute."""
    timeouts = {"connect": "1s", "headers": "1500ms", "idle": "1s", "json": "3s", "deadline": "6s"}
    return {
        "providers": {
            one.name: {
                "kind": "openai-compatible",
                "base_url": f"http://127.0.0.1:{one.port}/v1",
                "keys": [{"name": "main", "value": f"sk-{one.name}-main"}],
            }
            for one in providers
        },
        "models": {ALIAS: {"targets": [{"target": f"{one.name}/echo", "weight": 1} for one in providers]}},
        "timeouts": timeouts,
        "limits": {
            "client_headers": "2s",
            "client_body_idle": "1s",
            "client_stall": f"{STALL_S:g}s",
            "client_keepalive": "30s",
        },
    }


class Gateway:
    """One gateway in a folder of its own."""

    def __init__(self, folder: Path, door: str, providers: Sequence[Provider]) -> None:
        config = folder / "gateway.yaml"
        config.write_text(json.dumps(configuration(providers)), encoding="utf-8")
        kind, engine = servers.KINDS[door]
        command = [sys.executable, "-m", "ferrogate", "serve", "--server", kind, "--engine", engine]
        command += ["--port", "0", "--data", str(folder / "data"), "--config", str(config), "--workers", "2"]
        self.server = servers.start("gateway", command, folder)
        self.errors = folder / "gateway.err"
        self.admin = httpx.AsyncClient(base_url=self.server.url, trust_env=False, timeout=30.0)

    @property
    def port(self) -> int:
        return int(self.server.url.rpartition(":")[2])

    def footprint(self) -> Footprint:
        """What it holds of the machine."""
        process = psutil.Process(self.server.process.pid)
        with process.oneshot():
            return {
                "fds": process.num_fds(),
                "threads": process.num_threads(),
                "rss": process.memory_info().rss,
            }

    async def metrics(self) -> dict[str, float]:
        """All samples, summed over their labels."""
        text = (await self.admin.get("/metrics")).raise_for_status().text
        found: dict[str, float] = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.split(" ")[:2]
                bare = name.partition("{")[0]
                found[bare] = found.get(bare, 0.0) + float(value)
        return found

    async def idle(self, patience: float = 30.0) -> dict[str, float]:
        """Wait until nothing runs, but for the connection that asks; returns the gauges as they were last."""

        async def probe() -> tuple[bool, dict[str, float]]:
            gauges = {name: (await self.metrics())[name] for name in _GAUGES}
            requests, connections, buffered = gauges.values()
            return requests == 0 and connections <= 1 and buffered == 0, gauges

        return await _until(probe, patience)

    async def rows(self, patience: float = 60.0) -> list[dict[str, Any]]:
        """All rows of the log, once those of the journal are all in."""

        async def probe() -> tuple[bool, dict[str, float]]:
            metrics = await self.metrics()
            return metrics["ferrogate_log_rows_total"] >= metrics["ferrogate_journal_rows_total"], metrics

        await _until(probe, patience)
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            asked: dict[str, Any] = {"limit": 500} | ({"cursor": cursor} if cursor else {})
            page = (await self.admin.get("/api/v1/logs", params=asked)).raise_for_status().json()
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found


async def _until(probe: Callable[[], Any], patience: float) -> dict[str, float]:
    end = time.monotonic() + patience
    while True:
        done, seen = await probe()
        if done or time.monotonic() > end:
            return dict(seen)
        await asyncio.sleep(0.1)
