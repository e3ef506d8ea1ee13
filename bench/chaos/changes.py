"""An operator in a hurry: keys and an alias change all the time, and each answer must be the right one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

import httpx

__all__ = ["MOVING", "Operator"]

MOVING = "moving"
"""The alias that changes its targets."""
MOST_KEYS = 12


class Operator:
    """Changes the configuration of a running gateway by its admin API; the file's keys are left alone."""

    def __init__(
        self,
        admin: httpx.AsyncClient,
        providers: Sequence[str],
        rng: random.Random,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._admin = admin
        self._providers = providers
        self._rng = rng
        self._note = note
        self._keys: list[str] = []

    async def begin(self) -> None:
        """Make the alias."""
        await self._alias(self._providers[:1])

    async def run(self, pause: tuple[float, float]) -> None:
        """Change something for ever, with a pause of so many seconds between."""
        while True:
            await asyncio.sleep(self._rng.uniform(*pause))
            await self.change()

    async def change(self) -> None:
        """Change one thing. Raises AssertionError where the gateway answers otherwise than it must."""
        rng = self._rng
        roll = rng.random()
        if not self._keys or (roll < 0.35 and len(self._keys) < MOST_KEYS):
            name, value = f"k{rng.randrange(10**9)}", f"sk-{rng.randrange(10**12):012}"
            body = {"provider": rng.choice(self._providers), "name": name, "value": value}
            made = await self._call("POST", "keys", 201, **body, weight=rng.choice([0.1, 1, 5]))
            self._keys.append(made["id"])
        elif roll < 0.6:
            fields = rng.choice([{"weight": rng.choice([0, 0.5, 3])}, {"enabled": rng.random() < 0.5}])
            await self._call("PATCH", f"keys/{rng.choice(self._keys)}", 200, **fields)
        elif roll < 0.8:
            await self._call("DELETE", f"keys/{self._keys.pop(rng.randrange(len(self._keys)))}", 204)
        elif roll < 0.95:
            await self._alias(rng.sample(list(self._providers), rng.randrange(1, len(self._providers) + 1)))
        else:
            await self._call("PUT", f"models/{MOVING}", 422, targets=["nobody/echo"])

    async def _alias(self, providers: Sequence[str]) -> None:
        targets = [f"{name}/echo" for name in providers]
        await self._call("PUT", f"models/{MOVING}", None, targets=targets)

    async def _call(self, method: str, path: str, status: int | None, **body: Any) -> Any:
        answer = await self._admin.request(method, f"/api/v1/{path}", json=body or None)
        right = answer.is_success if status is None else answer.status_code == status
        if not right:
            raise AssertionError(f"{method} {path} {body}: {answer.status_code} {answer.text}")
        self._note(f"{method} {path.partition('/')[0]} {answer.status_code}")
        return answer.json() if answer.content else None
