"""Aliases: model names of the gateway's own, each leading to ordered targets."""

from __future__ import annotations

from collections.abc import Sequence

from ferrogate.engine.entries import AliasEntry, AliasOptions, TargetEntry
from ferrogate.errors import ConfigError, ConflictError, NotFoundError
from ferrogate.services.configuration import ConfigurationService
from ferrogate.services.naming import unknown_provider
from ferrogate.store import Store
from ferrogate.store.aliases import StoredTarget

__all__ = ["AliasesService"]

_LONGEST_NAME = 512


class AliasesService:
    """List, put and delete aliases."""

    def __init__(self, store: Store, configuration: ConfigurationService) -> None:
        self._store = store
        self._configuration = configuration

    def list(self) -> list[AliasEntry]:
        """Return those in force, by name."""
        return list(self._configuration.effective.aliases)

    def get(self, name: str) -> AliasEntry:
        """Return one. Raises NotFoundError."""
        found = next((alias for alias in self._configuration.effective.aliases if alias.name == name), None)
        if found is None:
            raise NotFoundError(f"there is no alias named {name!r}")
        return found

    def put(
        self, name: str, targets: Sequence[TargetEntry], options: AliasOptions | None = None
    ) -> tuple[AliasEntry, bool]:
        """Make or replace an alias and publish; the second value says that it is new.

        What ``options`` leaves out is left to the top level.

        Raises:
            ConfigError: no targets, a bad weight, or a provider that does not exist.
            ConflictError: the configuration file has an alias of that name.

        """
        if not 0 < len(name) <= _LONGEST_NAME or name != name.strip():
            raise ConfigError(
                f"an alias has a name of 1 to {_LONGEST_NAME} characters, without spaces around it"
            )
        if not targets:
            raise ConfigError("an alias needs at least one target, like openai/gpt-4o-mini")
        self._refuse_foreign(name)
        effective = self._configuration.effective
        for target in targets:
            if effective.provider(target.provider) is None:
                raise unknown_provider(target.provider, effective, self._configuration.registry)
            if not target.model:
                raise ConfigError(f"the target of provider {target.provider} names no model")
            if target.weight is not None and not 0 < target.weight <= 1e6:
                raise ConfigError(f"the weight of {target} must be above 0 and at most 1000000")
        stored = [StoredTarget(target.provider, target.model, target.weight) for target in targets]
        with self._configuration.change() as connection:
            is_new = self._store.aliases.put(connection, name, stored, options.said() if options else {})
        return self.get(name), is_new

    def delete(self, name: str) -> None:
        """Delete a stored alias and publish. Raises NotFoundError or ConflictError."""
        self._refuse_foreign(name)
        with self._configuration.change() as connection:
            self._store.aliases.remove(connection, name)

    def _refuse_foreign(self, name: str) -> None:
        for alias in self._configuration.effective.aliases:
            if alias.name == name and alias.source != "store":
                raise ConflictError(f"alias {name!r} comes from {alias.origin}: change it there")
