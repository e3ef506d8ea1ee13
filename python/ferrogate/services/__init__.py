"""Use cases: the only place that joins the store and the engine.

Every door of the control plane (REST, the dashboard, the command line) calls these and holds no logic of
its own. :func:`ferrogate.services.compose.build` makes a :class:`Services`. This module imports nothing
heavy, because the command line reads ``run.json`` through this package without needing a database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ferrogate.services.aliases import AliasesService
    from ferrogate.services.configuration import ConfigurationService
    from ferrogate.services.credentials import CredentialsService
    from ferrogate.services.gateway_keys import GatewayKeysService
    from ferrogate.services.ingest import IngestService
    from ferrogate.services.keys import KeysService
    from ferrogate.services.logs import LogsService
    from ferrogate.services.payloads import PayloadsService
    from ferrogate.services.ports import EnginePort
    from ferrogate.services.providers import ProvidersService
    from ferrogate.services.upkeep import Upkeep

__all__ = ["Services"]


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the control plane can do. ``ingest`` is None where no journal is read (the command line)."""

    configuration: ConfigurationService
    providers: ProvidersService
    keys: KeysService
    gateway_keys: GatewayKeysService
    aliases: AliasesService
    logs: LogsService
    payloads: PayloadsService
    upkeep: Upkeep
    credentials: CredentialsService
    engine: EnginePort
    ingest: IngestService | None = None
