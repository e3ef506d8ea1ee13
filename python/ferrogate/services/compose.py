"""Puts the services together, for the gateway and for the command line alike."""

from __future__ import annotations

from pathlib import Path

from ferrogate.services import Services
from ferrogate.services.aliases import AliasesService
from ferrogate.services.configuration import ConfigurationService
from ferrogate.services.credentials import CredentialsService
from ferrogate.services.folder_lock import FolderLock
from ferrogate.services.gateway_keys import GatewayKeysService
from ferrogate.services.ingest import INGEST_LOCK, IngestService
from ferrogate.services.keys import KeysService
from ferrogate.services.logs import LogsService
from ferrogate.services.payloads import PayloadReader, PayloadsService, StoredPayload
from ferrogate.services.ports import EnginePort, JournalPort
from ferrogate.services.providers import ProvidersService
from ferrogate.services.upkeep import Retention, Upkeep
from ferrogate.store import PAYLOADS_NAME, Store

__all__ = ["build"]


def build(
    store: Store,
    configuration: ConfigurationService,
    engine: EnginePort,
    journal: JournalPort | None = None,
) -> Services:
    """Build all services over one store and one engine.

    The order of a start: ``store = open_store(folder, environ)``; ``configuration =
    ConfigurationService(...)``; an engine from ``configuration.snapshot``;
    ``configuration.attach(engine)``; ``build(...)``; ``services.credentials.ensure()`` where
    authentication is required; ``services.ingest.start()``. And of an end: drain the engine,
    ``services.ingest.stop()``, ``store.close()``.
    """
    gateway_keys = GatewayKeysService(store, configuration)
    folder = store.database.path.parent
    payloads = PayloadsService(store, _reader(folder / PAYLOADS_NAME))
    upkeep = Upkeep(store, lambda: Retention.of(configuration.effective.settings.log))
    ingest = None
    if journal is not None:
        ingest = IngestService(store, journal, upkeep, FolderLock(folder, INGEST_LOCK))
    return Services(
        configuration=configuration,
        providers=ProvidersService(store, configuration),
        keys=KeysService(store, configuration),
        gateway_keys=gateway_keys,
        aliases=AliasesService(store, configuration),
        logs=LogsService(store, payloads),
        payloads=payloads,
        upkeep=upkeep,
        credentials=CredentialsService(store, gateway_keys, configuration.environ),
        engine=engine,
        ingest=ingest,
    )


def _reader(folder: Path) -> PayloadReader:
    def read(segment: int, offset: int, length: int, request_id: str) -> StoredPayload | None:
        from ferrogate.engine.facade import read_payload

        found = read_payload(folder, segment, offset, length, request_id)
        return None if found is None else StoredPayload(*found)

    return read
