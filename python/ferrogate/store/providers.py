"""Providers declared through the API. Headers and query may hold credentials, so those are sealed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ferrogate.errors import ConflictError, NotFoundError
from ferrogate.store.crypto import Cipher
from ferrogate.store.ids import now_ms
from ferrogate.store.tables import providers

__all__ = ["ProviderRepository", "StoredProvider"]


@dataclass(frozen=True, slots=True)
class StoredProvider:
    """One row, opened."""

    name: str
    kind: str
    base_url: str | None = None
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeouts: Mapping[str, int] = field(default_factory=dict)
    http2: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


class ProviderRepository:
    """Rows of ``providers``."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    def add(self, connection: Connection, provider: StoredProvider) -> None:
        """Insert. Raises ConflictError where the name is taken."""
        now = now_ms()
        try:
            connection.execute(
                insert(providers).values(**self._columns(provider), created_ms=now, updated_ms=now)
            )
        except IntegrityError:
            raise ConflictError(f"there is a provider named {provider.name!r} already") from None

    def list(self, connection: Connection) -> list[StoredProvider]:
        """All rows by name. Raises DecryptionError."""
        found = []
        for row in connection.execute(select(providers).order_by(providers.c.name)):
            sealed = json.loads(self._cipher.open(row.sealed, _row(row.name)))
            found.append(
                StoredProvider(
                    name=row.name,
                    kind=row.kind,
                    base_url=row.base_url,
                    query=sealed["query"],
                    headers=sealed["headers"],
                    timeouts=row.timeouts,
                    http2=row.http2,
                    options=row.options,
                )
            )
        return found

    def replace(self, connection: Connection, provider: StoredProvider) -> None:
        """Update the row of that name. Raises NotFoundError."""
        fields = self._columns(provider)
        done = connection.execute(
            update(providers).where(providers.c.name == provider.name).values(**fields, updated_ms=now_ms())
        )
        if done.rowcount == 0:
            raise _missing(provider.name)

    def remove(self, connection: Connection, name: str) -> None:
        """Delete one row. Raises NotFoundError."""
        if connection.execute(delete(providers).where(providers.c.name == name)).rowcount == 0:
            raise _missing(name)

    def _columns(self, provider: StoredProvider) -> dict[str, Any]:
        secret = json.dumps({"query": dict(provider.query), "headers": dict(provider.headers)})
        return {
            "name": provider.name,
            "kind": provider.kind,
            "base_url": provider.base_url,
            "sealed": self._cipher.seal(secret, _row(provider.name)),
            "timeouts": dict(provider.timeouts),
            "http2": provider.http2,
            "options": dict(provider.options),
        }


def _row(name: str) -> str:
    return f"providers/{name}"


def _missing(name: str) -> NotFoundError:
    return NotFoundError(f"no provider named {name!r} is stored")
