"""Puts one gateway together: configuration, data folder, store, engine, services.

``gateway serve`` (:mod:`ferrogate.app`) and the embedded application (:mod:`ferrogate.embed`) both stand on
an :class:`Assembly`; they differ only in how requests get in. Everything heavy is imported where it is
needed, because the time to the first answer is mostly the time to import.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferrogate.config import find_config, load_config
from ferrogate.config.watch import Stamp, stamp
from ferrogate.errors import FerrogateError, TakeOverError
from ferrogate.services import run_file
from ferrogate.services.folder_lock import FolderLock

if TYPE_CHECKING:
    from ferrogate.config import GatewayConfig
    from ferrogate.engine.facade import Engine
    from ferrogate.engine.snapshot import Snapshot
    from ferrogate.reference import ReferenceEngine
    from ferrogate.services import Services
    from ferrogate.services.configuration import ConfigurationService
    from ferrogate.services.ports import CachePort, EnginePort
    from ferrogate.store import Store

__all__ = ["Assembly"]

logger = logging.getLogger("ferrogate")

_PATIENCE_S = 30.0


class Assembly:
    """One gateway without a way in. Nothing listens and no engine thread runs before :meth:`start`.

    Args:
        config: the file; None looks for ``gateway.yaml``. A file that is named must exist.
        overrides: settings by dotted name, which win over environment and file; None was not given.
        open_hosts: leave Host and Origin to the application that this one lives in.
        take_over: where a gateway runs on the data folder, stand beside it until :meth:`succeed`.

    Attributes:
        predecessor: the gateway to take over from, if there is one.
        path: the configuration file that was read, if any.
        compiled: the engine, where it is the compiled one.
        reference: the engine, where it is the Python one.

    Raises:
        FerrogateError: the configuration, the data folder or the engine.

    """

    def __init__(
        self,
        *,
        config: Path | None = None,
        overrides: Mapping[str, Any] | None = None,
        open_hosts: bool = False,
        take_over: bool = False,
    ) -> None:
        self._closing = ExitStack()
        self.compiled: Engine | None = None
        self.reference: ReferenceEngine | None = None
        self.path = find_config(config)
        self.read_stamp: Stamp | None = None
        self._overrides = dict(overrides or {})
        self._open_hosts = open_hosts
        self._take_over = take_over
        self.predecessor: run_file.RunFile | None = None
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        from ferrogate.providers.registry import Registry

        registry = Registry.load()
        self._kinds = registry.options()
        self.settings = self._load_file().server
        self.folder = Path(self.settings.data)
        self.store = self._open_store()
        if self.settings.mock:
            self._overrides["providers.mock.base_url"] = self._start_mock()
        self.configuration = self._configure(registry)
        self._port = self._make_engine()
        self.configuration.attach(self._port)

    def _load_file(self) -> GatewayConfig:
        self.read_stamp = None if self.path is None else stamp(self.path)
        return load_config(self.path, self._overrides, os.environ, self._kinds)

    def _open_store(self) -> Store:
        from ferrogate.store import open_store
        from ferrogate.store.database import prepare_folder

        prepare_folder(self.folder)
        self._lock = FolderLock(self.folder)
        self._closing.callback(self._lock.release)
        if not (self._take_over and self._find_predecessor()):
            self._lock.require()
        store = open_store(self.folder, os.environ)
        self._closing.callback(store.close)
        return store

    def _find_predecessor(self) -> bool:
        """Look for the gateway that holds the folder; False, and the lock is taken, where none does."""
        if self._lock.take():
            return False
        self.predecessor = run_file.read(self.folder)
        if self.predecessor is None:
            raise TakeOverError(
                f"the data folder {self.folder} is in use, and its {run_file.NAME} names no running gateway:"
                " a gateway that is just starting can be taken over when it listens"
            )
        return True

    def succeed(self) -> None:
        """Answer for the folder from now on: the gateway that did lets go of it. Blocks."""
        self._lock.wait(_PATIENCE_S)
        self.configuration.publish()  # what was changed between the start and now

    def resign(self) -> None:
        """Let a successor answer for the folder. Requests that run are served on. Blocks."""
        if self.services.ingest is not None and not self.services.ingest.stop():
            logger.warning("the request log is behind; the next process goes on with it")
        self._lock.release()

    def _start_mock(self) -> str:
        from ferrogate.engine.facade import MockServer

        mock = MockServer({"host": "127.0.0.1", "port": 0})
        self._closing.callback(mock.stop)
        return f"http://127.0.0.1:{mock.port}/v1"

    def _configure(self, registry: Any) -> ConfigurationService:
        from ferrogate.hooks.load import HookLoader
        from ferrogate.services.configuration import ConfigurationService

        return ConfigurationService(
            load_file=self._load_file,
            environ=os.environ,
            store=self.store,
            registry=registry,
            hooks=HookLoader(),
        )

    @cached_property
    def services(self) -> Services:
        """The use cases, over this store and this engine."""
        from ferrogate.services.compose import build

        return build(self.store, self.configuration, self._port, self.compiled)

    def _make_engine(self) -> EnginePort:
        snapshot = self.configuration.snapshot
        engine: Engine | ReferenceEngine
        if self.settings.engine == "python":
            from ferrogate.reference import ReferenceEngine
            from ferrogate.services.direct_log import DirectLog
            from ferrogate.services.upkeep import Retention, Upkeep

            upkeep = Upkeep(self.store, lambda: Retention.of(self.configuration.effective.settings.log))
            log = DirectLog(self.store, upkeep)
            engine = self.reference = ReferenceEngine(self._opened(snapshot), log)
        else:
            from ferrogate.engine.facade import Engine
            from ferrogate.store import PAYLOADS_NAME

            engine = self.compiled = Engine(
                self._opened(snapshot),
                workers=self._workers(),
                journal=self.folder / "journal",
                payloads=self.folder / PAYLOADS_NAME,
                cache=self.folder / "cache" if self.configuration.effective.settings.cache.persist else None,
            )
        engine.install_hooks(self.configuration.hooks)
        return _OpenHosts(engine) if self._open_hosts else engine

    def _workers(self) -> int:
        """Engine threads. An event loop that has the requests anyway serves them best on its own thread."""
        if self._open_hosts or self.settings.door != "native":
            return self.settings.workers or 1
        return self.settings.threads

    def _opened(self, snapshot: Snapshot) -> Snapshot:
        return _without_host_checks(snapshot) if self._open_hosts else snapshot

    def start(self) -> None:
        """Start the engine's threads."""
        if self.compiled is not None:
            self.compiled.start()

    def start_ingest(self) -> None:
        """Start to move request records from the running engine's journal into the store."""
        if self.services.ingest is not None:
            self.services.ingest.start()

    def reload(self) -> None:
        """Read the configuration file again; a bad one is reported and changes nothing."""
        try:
            waiting = self.configuration.reload_file()
        except FerrogateError as error:
            logger.error("the configuration was not reloaded and the old one stays in force: %s", error)
            return
        except Exception:  # the next change of the file may go well, so whoever watches it must go on
            logger.exception("the configuration was not reloaded and the old one stays in force")
            return
        logger.info("the configuration was reloaded")
        self.warn()
        for name in waiting:
            logger.warning("%s changed; it takes effect at the next start", name)

    def warn(self) -> None:
        """Log what the configuration says and the gateway does not do."""
        for sentence in self.configuration.effective.warnings:
            logger.warning("%s", sentence)

    def close(self) -> None:
        """End what is left, in the reverse order of the start. Blocks; idempotent."""
        if self.compiled is not None:
            self.compiled.stop()  # closes the journal, of which the ingestion then reads the rest
        if self.reference is not None:
            self.reference.close()
        if "services" in self.__dict__ and self.services.ingest is not None:
            self.services.ingest.stop()
        self._closing.close()


def _without_host_checks(snapshot: Snapshot) -> Snapshot:
    auth = snapshot.auth.model_copy(update={"allowed_hosts": ["*"], "allowed_origins": ["*"]})
    return snapshot.model_copy(update={"auth": auth})


class _OpenHosts:
    """An engine's port that leaves Host and Origin to the owner of the application around it."""

    def __init__(self, engine: Engine | ReferenceEngine) -> None:
        self._engine = engine
        self.cache: CachePort = engine.cache
        self.lanes = engine.lanes
        self.install_hooks = engine.install_hooks
        self.metrics = engine.metrics
        self.status = engine.status

    def apply(self, snapshot: Snapshot) -> int:
        """Swap the configuration in."""
        return self._engine.apply(_without_host_checks(snapshot))
