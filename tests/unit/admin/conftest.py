from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ferrogate.admin import create_app
from ferrogate.config import load_config
from ferrogate.engine.cache_calls import NoCache
from ferrogate.engine.snapshot import Snapshot
from ferrogate.errors import EngineError, SnapshotError
from ferrogate.providers.registry import Registry
from ferrogate.services import Services
from ferrogate.services.compose import build
from ferrogate.services.configuration import ConfigurationService
from ferrogate.services.ports import CachePort
from ferrogate.store import DATABASE_NAME, Store, open_store
from harness.lanes import lane

FILE = """
providers:
  openai: {keys: [{name: filed, value: sk-from-the-file-0123456789}]}
models:
  fixed: {targets: [openai/gpt-4o]}
limits: {answer: 2MiB}
"""


@dataclass
class FakeEngine:
    """Remembers what was applied; refuses or fails when told to."""

    applied: list[Snapshot] = field(default_factory=list)
    refuses: bool = False
    cache: CachePort = field(default_factory=NoCache)
    fails: Exception | None = None
    draining: bool = False
    seen: list[dict[str, Any]] = field(default_factory=lambda: [lane(in_flight=2)])

    def apply(self, snapshot: Snapshot) -> int:
        if self.refuses:
            raise SnapshotError("providers[0].base_url: not a URL")
        self.applied.append(snapshot)
        return len(self.applied)

    def lanes(self) -> list[dict[str, Any]]:
        if self.fails is not None:
            raise self.fails
        return self.seen

    def metrics(self) -> str:
        return "ferrogate_requests_total 3\n"

    def status(self) -> dict[str, Any]:
        if isinstance(self.fails, EngineError):
            raise self.fails
        return {"in_flight": 2, "draining": self.draining}


@dataclass
class Control:
    """A control plane on a fresh data folder."""

    app: FastAPI
    client: TestClient
    services: Services
    store: Store
    engine: FakeEngine


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as a first start makes it, because making one takes longer than most tests."""
    folder = tmp_path_factory.mktemp("blank")
    open_store(folder, {}).close()
    return folder / DATABASE_NAME


@pytest.fixture
def make(tmp_path: Path, blank: Path) -> Iterator[Callable[..., Control]]:
    opened: list[Control] = []

    def start(environ: dict[str, str] | None = None, text: str = FILE, **options: Any) -> Control:
        environ = environ or {}
        file = tmp_path / "gateway.yaml"
        file.write_text(text)
        registry = Registry.load()
        folder = tmp_path / "data"
        if not folder.exists():
            folder.mkdir(0o700)
            shutil.copy(blank, folder)
        store = open_store(folder, environ)
        configuration = ConfigurationService(
            load_file=lambda: load_config(file, environ=environ, kinds=registry.options()),
            environ=environ,
            store=store,
            registry=registry,
        )
        engine = FakeEngine()
        configuration.attach(engine)
        services = build(store, configuration, engine)
        app = create_app(services, **{"auth_required": False, **options})
        client = TestClient(app, base_url="http://localhost:8080", raise_server_exceptions=False)
        opened.append(Control(app, client, services, store, engine))
        return opened[-1]

    yield start
    for control in opened:
        control.client.close()
        control.store.close()


@pytest.fixture
def control(make: Callable[..., Control]) -> Control:
    return make()
