"""``GET /models``: the aliases and what each provider with a key lists, merged and kept for five minutes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

import httpx
import orjson

from ferrogate.engine.snapshot import Provider
from ferrogate.reference.answer import Clock, LaneError
from ferrogate.reference.attempt import attempt
from ferrogate.reference.errors import RequestError
from ferrogate.reference.resolve import NO_KEY, Lane, Resolver
from ferrogate.reference.route import Route
from ferrogate.reference.upstream import build_request

__all__ = ["ModelList"]

_KEPT: Final = 300.0
_RETRY: Final = 15.0
"""A provider that did not answer is asked again after so many seconds."""
_TIMEOUT: Final = 10.0


class ModelList:
    """The list, kept per snapshot."""

    def __init__(self, client: Callable[[], httpx.AsyncClient], resolver: Callable[[], Resolver]) -> None:
        self._client = client
        self._resolver = resolver
        self._kept: dict[str, tuple[Provider, float, list[dict[str, Any]]]] = {}

    async def read(self, route: Route) -> bytes:
        """Return the list as OpenAI's ``GET /models`` has it, or one entry for ``models/{id}``.

        Raises:
            RequestError: ``provider_not_found`` for a model that is not in the list.

        """
        models = await self._models(route.provider)
        _, _, wanted = route.path.partition("/")
        if not wanted:
            return orjson.dumps({"object": "list", "data": models})
        for model in models:
            if model["id"] == unquote(wanted):
                return orjson.dumps(model)
        raise RequestError("provider_not_found", f"No configured provider lists model {unquote(wanted)!r}.")

    async def _models(self, own: str) -> list[dict[str, Any]]:
        resolver = self._resolver()
        models = [_entry({}, name) for name in resolver.aliases]
        providers = [provider for provider in resolver.snapshot.providers if provider.configured]
        lists = await asyncio.gather(*(self._listed(provider, resolver) for provider in providers))
        for provider, listed in zip(providers, lists, strict=True):
            for model in listed:
                name = model["id"] if provider.name == own else f"{provider.name}/{model['id']}"
                models.append(_entry(model, name))
        return models

    async def _listed(self, provider: Provider, resolver: Resolver) -> list[dict[str, Any]]:
        """Return a provider's list, kept as long as the provider is described alike."""
        now = time.monotonic()
        kept = self._kept.get(provider.name)
        if kept is not None and kept[0] == provider and now < kept[1]:
            return kept[2]
        _, listed = await self._ask(provider, resolver)
        self._kept[provider.name] = (provider, now + (_RETRY if listed is None else _KEPT), listed or [])
        return listed or []

    async def _ask(
        self, provider: Provider, resolver: Resolver
    ) -> tuple[Provider, list[dict[str, Any]] | None]:
        """Ask one provider: nothing where it cannot serve here, None where it did not answer."""
        keys = [key for key in provider.keys if key.enabled] or ([NO_KEY] if provider.keyless else [])
        if not keys or provider.dialect != "openai":
            return provider, []
        lane = Lane(provider, keys[0], "")
        request = build_request(Route("models", "models", ""), lane, b"", b"", (), resolver.header_families)
        clock = Clock(asyncio.get_running_loop().time() + _TIMEOUT)
        try:
            answer = await attempt(self._client(), request, lane, clock, cap=8 * 2**20, last=True)
        except LaneError as error:
            if error.answer is not None:
                await error.answer.aclose()
            return provider, None
        await answer.aclose()
        if answer.status != 200:
            return provider, None
        listed = orjson.loads(answer.ready).get("data")
        return provider, [model for model in listed or () if isinstance(model, dict) and "id" in model]


def _entry(model: dict[str, Any], name: str) -> dict[str, Any]:
    return {"object": "model", "created": 0, "owned_by": "ferrogate", **model, "id": name}
