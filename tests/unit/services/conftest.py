from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ferrogate.config import load_config
from ferrogate.engine.cache_calls import NoCache
from ferrogate.engine.snapshot import Snapshot
from ferrogate.errors import SnapshotError
from ferrogate.providers.registry import Registry
from ferrogate.services import Services
from ferrogate.services.compose import build
from ferrogate.services.configuration import ConfigurationService
from ferrogate.services.ports import CachePort
from ferrogate.store import DATABASE_NAME, Store, open_store


@dataclass
class FakeEngine:
    """Remembers what was applied; refuses when told to."""

    applied: list[Snapshot] = field(default_factory=list)
    refuses: bool = False
    cache: CachePort = field(default_factory=NoCache)

    def apply(self, snapshot: Snapshot) -> int:
        if self.refuses:
            raise SnapshotError("the engine says no")
        self.applied.append(snapshot)
        return len(self.applied)

    def lanes(self) -> list[dict[str, Any]]:
        return []

    def metrics(self) -> str:
        return ""

    def status(self) -> dict[str, Any]:
        return {"generation": len(self.applied)}


@dataclass
class Gateway:
    """Services over a fresh folder, with the file and the environment that a test writes."""

    services: Services
    store: Store
    engine: FakeEngine
    file: Path

    def keys_in_engine(self, provider: str) -> dict[str, str]:
        snapshot = self.engine.applied[-1]
        found = next(one for one in snapshot.providers if one.name == provider)
        return {key.name: key.value for key in found.keys}


Make = Callable[..., Gateway]


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as a first start makes it, because making one takes longer than most tests."""
    folder = tmp_path_factory.mktemp("blank")
    open_store(folder, {}).close()
    return folder / DATABASE_NAME


@pytest.fixture
def make(tmp_path: Path, blank: Path) -> Iterator[Make]:
    stores: list[Store] = []

    def start(text: str = "", environ: dict[str, str] | None = None) -> Gateway:
        environ = environ or {}
        file = tmp_path / "gateway.yaml"
        file.write_text(text)
        registry = Registry.load()
        folder = tmp_path / "data"
        if not folder.exists():
            folder.mkdir(0o700)
            shutil.copy(blank, folder)
        store = open_store(folder, environ)
        stores.append(store)
        configuration = ConfigurationService(
            load_file=lambda: load_config(file, environ=environ, kinds=registry.options()),
            environ=environ,
            store=store,
            registry=registry,
        )
        engine = FakeEngine()
        configuration.attach(engine)
        return Gateway(build(store, configuration, engine), store, engine, file)

    yield start
    for store in stores:
        store.close()


@pytest.fixture
def gateway(make: Make) -> Gateway:
    return make()
