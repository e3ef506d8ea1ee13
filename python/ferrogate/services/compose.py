"""Puts the services together, for the gateway and for the command line alike."""

from __future__ import annotations

from ferrogate.services import Services
from ferrogate.services.aliases import AliasesService
from ferrogate.services.configuration import ConfigurationService
from ferrogate.services.credentials import CredentialsService
from ferrogate.services.gateway_keys import GatewayKeysService
from ferrogate.services.ingest import IngestService
from ferrogate.services.keys import KeysService
from ferrogate.services.logs import LogsService
from ferrogate.services.ports import EnginePort, JournalPort
from ferrogate.services.providers import ProvidersService
from ferrogate.store import Store

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
    return Services(
        configuration=configuration,
        providers=ProvidersService(store, configuration),
        keys=KeysService(store, configuration),
        gateway_keys=gateway_keys,
        aliases=AliasesService(store, configuration),
        logs=LogsService(store),
        credentials=CredentialsService(store, gateway_keys, configuration.environ),
        engine=engine,
        ingest=None if journal is None else IngestService(store, journal),
    )
