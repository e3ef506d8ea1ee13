"""Provider keys: those of the data folder can be changed, those of the file and the environment are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ferrogate.config.models import check_key_name
from ferrogate.config.secrets import mask, unusable
from ferrogate.engine.entries import KeySource, ProviderKey
from ferrogate.errors import ConfigError, ConflictError, NotFoundError
from ferrogate.services.configuration import ConfigurationService
from ferrogate.services.key_test import KeyTest, try_key
from ferrogate.services.naming import unknown_provider
from ferrogate.store import Store

__all__ = ["KeyView", "KeysService"]

_LARGEST_WEIGHT = 1e6
_CHANGEABLE = frozenset({"name", "value", "weight", "models", "enabled"})


@dataclass(frozen=True, slots=True)
class KeyView:
    """One key as it may be shown.

    Attributes:
        value: masked (``sk-...abcd``).
        origin: the place in words: ``gateway.yaml:4:7``, ``OPENAI_API_KEY``, ``the data folder``.
        in_force: False where a key of higher rank hides it, or its provider cannot be called.

    """

    id: str
    provider: str
    name: str
    value: str
    weight: float
    models: tuple[str, ...]
    enabled: bool
    source: KeySource
    origin: str
    in_force: bool


class KeysService:
    """Create, list, change, delete and test provider keys."""

    def __init__(self, store: Store, configuration: ConfigurationService) -> None:
        self._store = store
        self._configuration = configuration

    def list(self, provider: str | None = None) -> list[KeyView]:
        """Return the keys of every source, by provider; the ones not in force last."""
        effective = self._configuration.effective
        views = [_view(key, in_force=True) for key in effective.keys]
        views += [_view(key, in_force=False) for key in effective.unused]
        return [view for view in views if provider is None or view.provider == provider]

    def get(self, key_id: str) -> KeyView:
        """Return one key. Raises NotFoundError."""
        effective = self._configuration.effective
        return _view(self._find(key_id), in_force=any(key.id == key_id for key in effective.keys))

    def create(
        self,
        provider: str,
        value: str,
        name: str | None = None,
        *,
        weight: float = 1.0,
        models: Sequence[str] = ("*",),
        enabled: bool = True,
    ) -> KeyView:
        """Store a key and publish it.

        Raises:
            ConfigError: an unknown provider or an impossible value; the text says what to give.
            ConflictError: the provider has a key of that name.

        """
        value = self._checked_value(provider, value)
        name = self._free_name(provider) if name is None else _checked_name(name)
        _check_share(weight, models)
        self._refuse_hidden(provider, name)
        with self._configuration.change() as connection:
            key_id = self._store.provider_keys.add(
                connection,
                provider=provider,
                name=name,
                value=value,
                masked=mask(value),
                weight=weight,
                models=models,
                enabled=enabled,
            )
        return self.get(key_id)

    def change(self, key_id: str, fields: Mapping[str, Any]) -> KeyView:
        """Change the named fields (name, value, weight, models, enabled) of a stored key and publish.

        Raises:
            NotFoundError: no such key.
            ConflictError: the key comes from the file or the environment, or the new name is taken.
            ConfigError: an impossible value.

        """
        if unknown := fields.keys() - _CHANGEABLE:
            raise ConfigError(f"{', '.join(sorted(unknown))} cannot be changed")
        key = self._changeable(key_id)
        columns = dict(fields)
        if "value" in columns:
            columns["value"] = self._checked_value(key.provider, columns["value"])
            columns["masked"] = mask(columns["value"])
        if "name" in columns and columns["name"] != key.name:
            self._refuse_hidden(key.provider, _checked_name(columns["name"]))
        if "models" in columns:
            columns["models"] = list(columns["models"])
        _check_share(columns.get("weight", key.weight), columns.get("models", key.models))
        with self._configuration.change() as connection:
            self._store.provider_keys.change(connection, key_id, columns)
        return self.get(key_id)

    def delete(self, key_id: str) -> None:
        """Delete a stored key and publish. Raises NotFoundError or ConflictError."""
        self._changeable(key_id)
        with self._configuration.change() as connection:
            self._store.provider_keys.remove(connection, key_id)

    def test(self, key_id: str) -> KeyTest:
        """Call the provider with this key, and say in a sentence how it went. Raises NotFoundError."""
        key = self._find(key_id)
        provider = next(
            (one for one in self._configuration.snapshot.providers if one.name == key.provider), None
        )
        if provider is None:
            return KeyTest(
                ok=False, status=None, latency_ms=None, message=f"{key.provider} has no base URL yet."
            )
        return try_key(provider, key.value)

    def _find(self, key_id: str) -> ProviderKey:
        effective = self._configuration.effective
        found = next((key for key in (*effective.keys, *effective.unused) if key.id == key_id), None)
        if found is None:
            raise NotFoundError(
                f"there is no provider key with the id {key_id!r}; `gateway keys list` shows all"
            )
        return found

    def _changeable(self, key_id: str) -> ProviderKey:
        key = self._find(key_id)
        if key.source != "store":
            place = "environment variable" if key.source == "env" else "configuration file"
            raise ConflictError(f"key {key.name!r} comes from the {place} ({key.origin}): change it there")
        return key

    def _refuse_hidden(self, provider: str, name: str) -> None:
        for key in self._configuration.effective.keys_of(provider):
            if key.name == name and key.source == "file":
                raise ConflictError(
                    f"{provider} has a key named {name!r} in {key.origin}, which would hide this one: choose"
                    " another name"
                )

    def _free_name(self, provider: str) -> str:
        taken = {view.name for view in self.list(provider)}
        names = ("main", *(f"main-{number}" for number in range(2, len(taken) + 3)))
        return next(name for name in names if name not in taken)

    def _checked_value(self, provider: str, value: str) -> str:
        effective, registry = self._configuration.effective, self._configuration.registry
        entry = effective.provider(provider)
        kind = entry.kind if entry else provider
        if kind not in registry:
            raise unknown_provider(provider, effective, registry)
        value = value.strip()
        if value.startswith(("env.", "file:")):
            raise ConfigError(
                "env.NAME and file:PATH are references for gateway.yaml: give the key's own value here"
            )
        if not value and not registry.get(kind).keyless:
            raise ConfigError(f"the value is empty, and {provider} needs a key")
        if reason := unusable(value):
            raise ConfigError(f"the value {reason}: check that all of it was copied, and nothing else")
        return value


def _view(key: ProviderKey, *, in_force: bool) -> KeyView:
    return KeyView(
        id=key.id,
        provider=key.provider,
        name=key.name,
        value=key.masked,
        weight=key.weight,
        models=key.models,
        enabled=key.enabled,
        source=key.source,
        origin=key.origin,
        in_force=in_force,
    )


def _checked_name(name: str) -> str:
    try:
        return check_key_name(name)
    except ValueError as error:
        raise ConfigError(f"{name!r} {error}") from None


def _check_share(weight: float, models: Sequence[str]) -> None:
    if not 0 <= weight <= _LARGEST_WEIGHT:
        raise ConfigError(f"weight must be between 0 and {_LARGEST_WEIGHT:.0f}")
    if not models or not all(models):
        raise ConfigError('models must name at least one model, or be ["*"] for all')
