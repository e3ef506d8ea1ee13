"""The control plane of a gateway on a data folder, as the command line finds it, without an engine."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import uvicorn

from ferrogate.admin import create_app
from ferrogate.config import load_config
from ferrogate.providers.registry import Registry
from ferrogate.services import Services, run_file
from ferrogate.services.compose import build
from ferrogate.services.configuration import ConfigurationService
from ferrogate.services.ports import OfflineEngine
from ferrogate.store import Store, open_store

__all__ = ["Running"]


class Running:
    """A gateway on the data folder, as far as the commands can see."""

    def __init__(self, folder: Path) -> None:
        registry = Registry.load()
        self.store: Store = open_store(folder, {})
        configuration = ConfigurationService(
            load_file=lambda: load_config(None, environ={}), environ={}, store=self.store, registry=registry
        )
        engine = OfflineEngine()
        configuration.attach(engine)
        self.services: Services = build(self.store, configuration, engine)
        run = run_file.new("http://127.0.0.1:0")
        app = create_app(self.services, auth_required=True, run_secret=run.secret)
        self.server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        deadline = time.monotonic() + 20
        while not self.server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.run = replace(run, url=f"http://127.0.0.1:{port}")
        run_file.write(folder, self.run)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.store.close()
