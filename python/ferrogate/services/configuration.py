"""The configuration in force, and the one way to change it.

A change is a database transaction that also swaps the engine's snapshot: the new configuration is derived
from what the transaction wrote, compiled, handed to the engine, and only then committed. What the engine
refuses is rolled back, so the database, the engine and the answer to the caller always agree, and a
change is in force for the next request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from sqlalchemy import Connection

from ferrogate.config import GatewayConfig, Settings
from ferrogate.engine.compile import compile_snapshot
from ferrogate.engine.effective import Effective, check_stored_settings, merge
from ferrogate.engine.entries import (
    AliasEntry,
    AliasOptions,
    GatewayKeyEntry,
    ProviderEntry,
    ProviderKey,
    Stored,
    TargetEntry,
)
from ferrogate.engine.hooking import routes_of
from ferrogate.engine.snapshot import Snapshot
from ferrogate.errors import ConfigError, ConflictError, FerrogateError
from ferrogate.hooks.load import HookLoader, HookSet
from ferrogate.providers.registry import Registry
from ferrogate.services.ports import EnginePort
from ferrogate.store import Store
from ferrogate.store.ids import now_ms

__all__ = ["FIXED_SETTINGS", "ConfigurationService", "Reloads", "stored_part"]

FIXED_SETTINGS = frozenset(
    f"server.{name}" for name in ("host", "port", "data", "door", "engine", "workers", "mock", "auth", "tls")
)
"""Settings that a running gateway cannot change: they decide how it was started."""


@dataclass(frozen=True, slots=True)
class Reloads:
    """How reading ``gateway.yaml`` again went. ``at_ms`` and ``error`` are those of the last time."""

    done: int = 0
    failed: int = 0
    at_ms: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _InForce:
    file: GatewayConfig
    effective: Effective
    snapshot: Snapshot
    asked: Settings
    """The settings as they would be after a restart."""
    hooks: HookSet


class ConfigurationService:
    """Merges file, environment and store, and publishes the result to the engine.

    Args:
        load_file: reads ``gateway.yaml`` with flags and environment laid over it; called again on every
            reload.
        environ: the environment, for ambient provider keys.
        store: the open database.
        registry: the provider specs.
        hooks: loads the code of hooks; None where no request will meet any.

    Raises:
        ConfigError: the file is wrong; at construction nothing is in force that could be kept.

    """

    def __init__(
        self,
        *,
        load_file: Callable[[], GatewayConfig],
        environ: Mapping[str, str],
        store: Store,
        registry: Registry,
        hooks: HookLoader | None = None,
    ) -> None:
        self.registry = registry
        self.environ = environ
        self._load_file = load_file
        self._hooks = hooks
        self._store = store
        self._port: EnginePort | None = None
        self._reloads = Reloads()
        self._lock = threading.RLock()
        self._started: Settings | None = None
        with store.database.read() as connection:
            self._current = self._derive(load_file(), connection)
        self._started = self._current.effective.settings

    @property
    def effective(self) -> Effective:
        """What is in force, merged, with secrets in the clear."""
        return self._current.effective

    @property
    def snapshot(self) -> Snapshot:
        """What the engine was given last."""
        return self._current.snapshot

    @property
    def hooks(self) -> HookSet:
        """The hooks that the engine was given last."""
        return self._current.hooks

    @property
    def reloads(self) -> Reloads:
        """How reading the file again went so far."""
        return self._reloads

    def attach(self, port: EnginePort) -> None:
        """Publish to this engine from now on. It must have been started with :attr:`snapshot`."""
        with self._lock:
            self._port = port

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """Change the store and publish: all of it, or nothing.

        Raises:
            ConfigError: the result does not compile, or the engine refused it; the database is as it was.

        """
        with self._lock:
            before = self._current
            try:
                with self._store.database.write() as connection:
                    yield connection
                    self._publish(self._derive(before.file, connection))
            except BaseException:
                if self._current is not before:  # the engine has it and the commit failed
                    self._publish(before)
                raise

    def publish(self) -> None:
        """Read the store again and publish, after another process wrote to it."""
        with self._lock, self._store.database.read() as connection:
            self._publish(self._derive(self._current.file, connection))

    def reload_file(self) -> list[str]:
        """Read ``gateway.yaml`` again and publish; return the changed settings that need a restart.

        Raises:
            ConfigError: the file is wrong; the old configuration stays in force.

        """
        with self._lock:
            before = self._reloads
            try:
                file = self._load_file()
                with self._store.database.read() as connection:
                    self._publish(self._derive(file, connection))
            except Exception as error:
                text = str(error) if isinstance(error, FerrogateError) else f"{type(error).__name__}: {error}"
                self._reloads = Reloads(before.done, before.failed + 1, now_ms(), text)
                raise
            self._reloads = Reloads(before.done + 1, before.failed, now_ms())
            return self.effective.settings.restart_needed(self._current.asked)

    def change_settings(self, changes: Mapping[str, Any]) -> None:
        """Store settings by dotted name and publish; None takes the stored value away.

        Raises:
            ConfigError: an unknown name, a bad value, or a setting that needs a restart.
            ConflictError: a flag, the environment or the file says it, and would win.

        """
        for name in changes:
            if name in FIXED_SETTINGS:
                raise ConfigError(
                    f"{name} cannot change while the gateway runs: set it in gateway.yaml, in the environment"
                    " or by a flag, and start again"
                )
            said_by = self.effective.sources.get(name)
            if said_by in ("file", "env", "flag"):
                raise ConflictError(f"{name} is set by the {_SOURCE_WORDS[said_by]}: change it there")
        check_stored_settings({name: value for name, value in changes.items() if value is not None})
        with self.change() as connection:
            for name, value in changes.items():
                if value is None:
                    self._store.settings.remove(connection, name)
                else:
                    self._store.settings.put(connection, name, value)

    def _derive(self, file: GatewayConfig, connection: Connection) -> _InForce:
        effective = merge(file, self.environ, stored_part(self._store, connection), self.registry)
        asked = effective.settings
        if self._started is not None:
            effective = replace(effective, settings=asked.keeping(self._started))
        hooks = None
        if self._hooks is not None:
            hooks = self._hooks.load(routes_of(effective.hooks, effective.aliases))
        snapshot = compile_snapshot(effective, self.registry, self.environ, hooks)
        return _InForce(file, effective, snapshot, asked, hooks or HookSet())

    def _publish(self, derived: _InForce) -> None:
        if self._port is not None:
            if derived.hooks != self._current.hooks:
                self._port.install_hooks(derived.hooks)
            self._port.apply(derived.snapshot)
        self._current = derived


_SOURCE_WORDS = {"file": "configuration file", "env": "environment", "flag": "command line"}


def stored_part(store: Store, connection: Connection) -> Stored:
    """Return what the database contributes to the configuration.

    Raises:
        DecryptionError: the master key does not open a stored secret.

    """
    secrets = store.provider_keys.values(connection)
    keys = tuple(
        ProviderKey(
            id=row.id,
            provider=row.provider,
            name=row.name,
            value=secrets[row.id],
            weight=row.weight,
            models=row.models,
            enabled=row.enabled,
            source="store",
            origin="the data folder",
        )
        for row in store.provider_keys.list(connection)
    )
    providers = tuple(
        ProviderEntry(
            name=row.name,
            kind=row.kind,
            base_url=row.base_url,
            query=row.query,
            headers=row.headers,
            timeouts=row.timeouts,
            http2=cast("Literal['auto', 'off'] | None", row.http2),
            options=row.options,
            source="store",
            origin="the data folder",
        )
        for row in store.providers.list(connection)
    )
    aliases = tuple(
        AliasEntry(
            row.name,
            tuple(TargetEntry(target.provider, target.model, target.weight) for target in row.targets),
            source="store",
            origin="the data folder",
            options=AliasOptions.of(row.options),
        )
        for row in store.aliases.list(connection)
    )
    gateway_keys = tuple(
        GatewayKeyEntry(row.id, row.name, row.tenant, row.sha256)
        for row in store.gateway_keys.list(connection)
    )
    return Stored(keys, providers, aliases, gateway_keys, store.settings.all(connection))
