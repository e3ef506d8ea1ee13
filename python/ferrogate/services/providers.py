"""Providers: those that ship, those of the file, and those that were declared through the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ferrogate.config.models import check_provider_name
from ferrogate.config.secrets import unusable
from ferrogate.config.sections import Timeouts
from ferrogate.config.urls import base_url
from ferrogate.engine.entries import ProviderEntry
from ferrogate.engine.merge_providers import complete
from ferrogate.errors import ConfigError, ConflictError, NotFoundError
from ferrogate.services.configuration import ConfigurationService
from ferrogate.store import Store
from ferrogate.store.providers import StoredProvider

__all__ = ["ProvidersService"]

_TEXTS = ("query", "headers", "options")
_FIELDS = frozenset({"base_url", "query", "headers", "timeouts", "http2", "options"})


class ProvidersService:
    """List, create, change and delete providers."""

    def __init__(self, store: Store, configuration: ConfigurationService) -> None:
        self._store = store
        self._configuration = configuration

    def list(self) -> list[ProviderEntry]:
        """Return every provider that can be called, by name."""
        return list(self._configuration.effective.providers)

    def get(self, name: str) -> ProviderEntry:
        """Return one. Raises NotFoundError."""
        entry = self._configuration.effective.provider(name)
        if entry is None:
            raise NotFoundError(f"there is no provider named {name!r}, or it has no base URL")
        return entry

    def title(self, entry: ProviderEntry) -> str:
        """Return the name that people read."""
        return self._configuration.registry.get(entry.kind).title

    def needs_key(self, entry: ProviderEntry) -> bool:
        """Whether calls without a key fail."""
        return not self._configuration.registry.get(entry.kind).keyless

    def create(self, name: str, kind: str | None, fields: Mapping[str, Any]) -> ProviderEntry:
        """Declare a provider and publish. ``kind`` is its own name unless given.

        Raises:
            ConfigError: an unknown kind, or an impossible value.
            ConflictError: somebody declared a provider of that name.

        """
        try:
            check_provider_name(name)
        except ValueError as error:
            raise ConfigError(f"{name!r} {error}") from None
        existing = self._configuration.effective.provider(name)
        if existing is not None and existing.source != "builtin":
            raise ConflictError(f"there is a provider named {name!r} already ({existing.origin})")
        stored = self._checked(StoredProvider(name=name, kind=kind or name), fields)
        with self._configuration.change() as connection:
            self._store.providers.add(connection, stored)
        return self.get(name)

    def change(self, name: str, fields: Mapping[str, Any]) -> ProviderEntry:
        """Change the named fields and publish; a mapping is replaced whole.

        A provider that ships becomes a stored one with the first change.

        Raises:
            NotFoundError: no such provider.
            ConflictError: the configuration file declares it.
            ConfigError: an impossible value.

        """
        with self._store.database.read() as connection:
            stored = next((row for row in self._store.providers.list(connection) if row.name == name), None)
        if stored is None:
            if name in self._configuration.registry and self._configuration.effective.provider(name) is None:
                return self.create(name, name, fields)  # it ships without a base URL, as azure does
            entry = self.get(name)
            self._refuse_foreign(entry)
            return self.create(name, entry.kind, fields)
        self._refuse_foreign(self._configuration.effective.provider(name))
        changed = self._checked(stored, fields)
        with self._configuration.change() as connection:
            self._store.providers.replace(connection, changed)
        return self.get(name)

    def delete(self, name: str) -> None:
        """Delete a stored provider and publish; its keys stay. Raises NotFoundError or ConflictError."""
        entry = self._configuration.effective.provider(name)
        self._refuse_foreign(entry)
        if entry is not None and entry.source == "builtin":
            raise ConflictError(f"provider {name!r} ships with the gateway: delete its keys to stop using it")
        with self._configuration.change() as connection:
            self._store.providers.remove(connection, name)

    def _checked(self, stored: StoredProvider, fields: Mapping[str, Any]) -> StoredProvider:
        if unknown := fields.keys() - _FIELDS:
            raise ConfigError(f"{', '.join(sorted(unknown))} is not a setting of a provider")
        merged: dict[str, Any] = {
            "base_url": stored.base_url,
            "query": stored.query,
            "headers": stored.headers,
            "timeouts": stored.timeouts,
            "http2": stored.http2,
            "options": stored.options,
            **fields,
        }
        if merged["base_url"] is not None:
            try:
                merged["base_url"] = base_url(merged["base_url"])
            except ValueError as error:
                raise ConfigError(f"base_url {error}") from None
        for field in _TEXTS:
            merged[field] = dict(merged[field] or {})
            for name, value in merged[field].items():
                if reason := unusable(value):
                    raise ConfigError(f"{field}.{name}: the value {reason}")
        merged["timeouts"] = _timeouts(merged["timeouts"] or {}, fields)
        checked = StoredProvider(name=stored.name, kind=stored.kind, **merged)
        self._refuse_incomplete(checked)
        return checked

    def _refuse_incomplete(self, stored: StoredProvider) -> None:
        entry = ProviderEntry(stored.name, stored.kind, stored.base_url, options=stored.options)
        configuration = self._configuration
        ready, _ = complete(
            entry, configuration.effective.settings, configuration.environ, configuration.registry
        )
        if ready is None:
            made_of = configuration.registry.get(stored.kind).base_url_options
            needs = " and ".join(made_of) or "a base_url, like https://api.example.com/v1"
            raise ConfigError(f"provider {stored.name!r} needs {needs}")

    @staticmethod
    def _refuse_foreign(entry: ProviderEntry | None) -> None:
        if entry is not None and entry.source not in ("store", "builtin"):
            raise ConflictError(f"provider {entry.name!r} comes from {entry.origin}: change it there")


def _timeouts(value: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, int]:
    if "timeouts" not in fields:
        return dict(value)
    try:
        return Timeouts.model_validate(dict(value)).overrides()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in ("timeouts", *first["loc"]))
        raise ConfigError(f"{place}: {first['msg'].removeprefix('Value error, ')}") from None
