"""What the gateway remembers: keys, providers, aliases, settings and the request log, in one SQLite file.

Only this package knows SQL. A repository a subject; each call takes the connection, so that a service
decides what is one transaction. The column types are those that Postgres has too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ferrogate.store.aliases import AliasRepository
from ferrogate.store.crypto import Cipher, load_master_key
from ferrogate.store.database import Database, prepare_folder
from ferrogate.store.gateway_keys import GatewayKeyRepository
from ferrogate.store.migrate import migrate
from ferrogate.store.provider_keys import ProviderKeyRepository
from ferrogate.store.providers import ProviderRepository
from ferrogate.store.requests import RequestRepository
from ferrogate.store.rollups import RollupRepository
from ferrogate.store.settings import SettingRepository

__all__ = ["DATABASE_NAME", "PAYLOADS_NAME", "Store", "open_store"]

DATABASE_NAME = "gateway.db"
PAYLOADS_NAME = "payloads"
"""The engine writes bodies into this folder beside the database."""


@dataclass(frozen=True, slots=True)
class Store:
    """One open database and its repositories."""

    database: Database
    provider_keys: ProviderKeyRepository
    gateway_keys: GatewayKeyRepository
    providers: ProviderRepository
    aliases: AliasRepository
    settings: SettingRepository
    requests: RequestRepository
    rollups: RollupRepository

    def close(self) -> None:
        """Close every connection. Idempotent."""
        self.database.close()


def open_store(folder: Path, environ: Mapping[str, str]) -> Store:
    """Open the data folder, making what is missing and migrating what is old.

    Raises:
        StoreError: the folder cannot be written, the master key is malformed, or a newer version wrote
            the database.

    """
    prepare_folder(folder)
    cipher = Cipher(load_master_key(folder, environ))
    database = Database(folder / DATABASE_NAME)
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return Store(
        database=database,
        provider_keys=ProviderKeyRepository(cipher),
        gateway_keys=GatewayKeyRepository(),
        providers=ProviderRepository(cipher),
        aliases=AliasRepository(),
        settings=SettingRepository(),
        requests=RequestRepository(),
        rollups=RollupRepository(),
    )
