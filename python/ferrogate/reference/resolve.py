"""From a model's name to an order of lanes.

A :class:`Resolver` is built once per snapshot and never changes; a request takes one and keeps it, so it
never sees half a change. Selection yields an order, not one pick: the fallback is the next item.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from ferrogate.engine.snapshot import Alias, Key, Provider, Snapshot
from ferrogate.reference.errors import RequestError

__all__ = ["NO_KEY", "Lane", "Resolver"]

T = TypeVar("T")

NO_KEY = Key(id="", name="", value="", weight=1.0, models=["*"])
"""The key of a provider that asks for none."""

Target = tuple[str, str]
"""A provider's name and a model's."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One key of one provider for one model."""

    provider: Provider
    key: Key
    model: str


def _serves(key: Key, model: str) -> bool:
    return any(
        pattern == "*" or pattern == model or (pattern.endswith("*") and model.startswith(pattern[:-1]))
        for pattern in key.models
    )


def _names(key: Key, model: str) -> bool:
    """Whether the key's list speaks of this model; a bare ``*`` says nothing about any."""
    return any(pattern != "*" for pattern in key.models) and _serves(key, model)


def _draw(items: Iterable[T], weight: Callable[[T], float]) -> list[T]:
    """Draw an order by weight, without replacement (Efraimidis and Spirakis, 2006); 0 is never drawn."""
    drawable = [item for item in items if weight(item) > 0]
    if len(drawable) > 1:
        drawable.sort(key=lambda item: random.random() ** (1.0 / weight(item)), reverse=True)  # noqa: S311
    return drawable


class Resolver:
    """A snapshot, indexed by the names that requests use."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.providers = {provider.name: provider for provider in snapshot.providers}
        self.aliases = {alias.name: alias for alias in snapshot.aliases}
        self._listed = [
            (provider, key)
            for provider in snapshot.providers
            if provider.configured
            for key in provider.keys
            if key.enabled and any(pattern != "*" for pattern in key.models)
        ]
        self.header_families = tuple(
            sorted(
                {family for provider in snapshot.providers for family in provider.forward_headers}
                | {"openai-", "anthropic-", "x-mock-"}
            )
        )

    def lanes(
        self,
        model: str,
        own: str,
        *,
        provider: str | None = None,
        key: str | None = None,
        fallbacks: Iterable[str] = (),
    ) -> list[Lane]:
        """Every lane that may serve a request, in the order to try them.

        Args:
            model: as the client asked.
            own: the prefix's own provider, the last resort.
            provider: pins the provider (``x-gateway-provider``).
            key: pins a key by name or id (``x-gateway-key``).
            fallbacks: more models, tried after all lanes of the first.

        Raises:
            RequestError: ``provider_not_found``, ``provider_key_missing`` or ``key_not_found``;
                ``not_supported`` where all lanes speak a dialect that this engine does not convert to.

        """
        targets = [self._pinned(model, provider)] if provider else self._targets(model, own)
        for fallback in fallbacks:
            targets += self._targets(fallback, own)
        lanes: list[Lane] = []
        for target in targets:
            lanes += self._lanes_of(*target, pinned=key)
        if lanes:
            return _spoken(lanes)
        first = self._provider(targets[0][0], model)
        if key is not None:
            # Not quoted: who takes the header for a place of credentials puts one there.
            message = f"The header x-gateway-key names no usable key of provider {first.name}."
            raise RequestError("key_not_found", message, param="x-gateway-key")
        raise RequestError("provider_key_missing", _missing_key(first, targets[0][1]))

    def _pinned(self, model: str, provider: str) -> Target:
        self._provider(provider, provider)
        return provider, model.removeprefix(f"{provider}/")

    def _targets(self, model: str, own: str) -> list[Target]:
        alias = self.aliases.get(model)
        if alias is not None:
            return _alias_order(alias)
        head, slash, tail = model.partition("/")
        named = self.providers.get(head) if slash and tail else None
        if named is not None and named.configured:
            return [(head, tail)]
        for provider, key in self._listed:
            if _names(key, model):
                return [(provider.name, model)]
        default = self.providers.get(own)
        if default is not None and default.configured:
            return [(own, model)]
        if named is not None:
            return [(head, tail)]
        if default is not None and not slash:
            return [(own, model)]
        raise self._unknown(head if slash else own, model)

    def _provider(self, name: str, asked: str) -> Provider:
        provider = self.providers.get(name)
        if provider is None:
            raise self._unknown(name, asked)
        return provider

    def _unknown(self, provider: str, model: str) -> RequestError:
        known = [p.name for p in self.snapshot.providers if p.configured] + list(self.aliases)
        near = difflib.get_close_matches(provider, known, n=3) or difflib.get_close_matches(model, known, n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        return RequestError(
            "provider_not_found",
            f"No provider {provider!r} is configured for model {model!r}.{hint}",
            param="model",
        )

    def _lanes_of(self, name: str, model: str, pinned: str | None) -> list[Lane]:
        provider = self._provider(name, model)
        keys = provider.keys or ([NO_KEY] if provider.keyless else [])
        usable = [key for key in keys if key.enabled and _serves(key, model)]
        if pinned is not None:
            return [Lane(provider, key, model) for key in usable if pinned in (key.name, key.id)][:1]
        return [Lane(provider, key, model) for key in _draw(usable, lambda key: key.weight)]


def _alias_order(alias: Alias) -> list[Target]:
    """Targets with a weight are drawn and go first; the others keep their place in line behind them."""
    weighted = [target for target in alias.targets if target.weight is not None]
    drawn = _draw(weighted, lambda target: target.weight or 0.0)
    line = drawn + [target for target in alias.targets if target.weight is None]
    return [(target.provider, target.model) for target in line]


def _spoken(lanes: list[Lane]) -> list[Lane]:
    """Leave out the lanes of other dialects: nothing is converted here."""
    spoken = [lane for lane in lanes if lane.provider.dialect == "openai"]
    if not spoken:
        first = lanes[0].provider
        message = (
            f"Provider {first.name} speaks the {first.dialect} dialect, which the Python engine does not"
            " convert to; run the gateway without --engine python."
        )
        raise RequestError("not_supported", message, param="model")
    return spoken


def _missing_key(provider: Provider, model: str) -> str:
    if any(key.enabled for key in provider.keys):
        return f"No key of provider {provider.name} may serve model {model!r}; see the keys' models lists."
    hint = f" {provider.key_hint}" if provider.key_hint else ""
    return f"Provider {provider.name} has no usable key.{hint}"
