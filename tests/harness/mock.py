"""The shipped mock provider, in this process: scripted by key, asked what arrived."""

from __future__ import annotations

from typing import Any, Self

import httpx

from ferrogate.engine.facade import MockServer
from harness.gateway import until

__all__ = ["Mock"]


class Mock:
    """The mock and its control API."""

    def __init__(self) -> None:
        self._server = MockServer({"host": "127.0.0.1", "port": 0})
        self.root = f"http://127.0.0.1:{self._server.port}"
        self.url = f"{self.root}/v1"
        self._http = httpx.Client(base_url=self.root, trust_env=False, timeout=10.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._server.stop()

    def script(self, key: str, **behaviour: Any) -> None:
        """Say how requests with a key are answered."""
        self._http.put(f"/_mock/keys/{key}", json=behaviour).raise_for_status()

    def requests(self, key: str) -> list[dict[str, Any]]:
        """What arrived with a key, oldest first."""
        answer = self._http.get("/_mock/requests", params={"key": key})
        answer.raise_for_status()
        return list(answer.json())

    def wait_for(self, key: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many requests have arrived with a key."""
        return until(
            lambda: seen if len(seen := self.requests(key)) >= count else None, f"{count} requests of {key}"
        )

    def wait_until_left(self, key: str) -> dict[str, Any]:
        """Wait until the gateway has left the last request of a key."""
        return until(
            lambda: next((row for row in self.requests(key)[-1:] if row["client_left"]), None), "leaving"
        )
