"""Client credentials: only a SHA-256 is stored, so a stolen database opens nothing.

A plain hash is enough because the secret is 256 random bits, not a password.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from ferrogate.errors import ConflictError, NotFoundError
from ferrogate.store.ids import new_id, now_ms
from ferrogate.store.tables import gateway_keys

__all__ = ["GatewayKeyRepository", "StoredGatewayKey"]


@dataclass(frozen=True, slots=True)
class StoredGatewayKey:
    """One row."""

    id: str
    name: str
    tenant: str
    sha256: str
    masked: str
    created_ms: int


class GatewayKeyRepository:
    """Rows of ``gateway_keys``."""

    def add(
        self, connection: Connection, *, name: str, tenant: str | None, sha256: str, masked: str
    ) -> StoredGatewayKey:
        """Insert; the tenant is the key's own id unless given. Raises ConflictError for a taken name."""
        key_id = new_id("gk")
        row = StoredGatewayKey(key_id, name, tenant or key_id, sha256, masked, now_ms())
        try:
            connection.execute(
                insert(gateway_keys).values(
                    id=row.id,
                    name=row.name,
                    tenant=row.tenant,
                    sha256=row.sha256,
                    masked=row.masked,
                    created_ms=row.created_ms,
                )
            )
        except IntegrityError:
            raise ConflictError(
                f"there is a gateway key named {name!r} already: choose another name"
            ) from None
        return row

    def list(self, connection: Connection) -> list[StoredGatewayKey]:
        """All rows, oldest first."""
        rows = connection.execute(select(gateway_keys).order_by(gateway_keys.c.id))
        return [StoredGatewayKey(**row._mapping) for row in rows]

    def remove(self, connection: Connection, key_id: str) -> None:
        """Delete one row. Raises NotFoundError."""
        if connection.execute(delete(gateway_keys).where(gateway_keys.c.id == key_id)).rowcount == 0:
            raise NotFoundError(f"there is no gateway key with the id {key_id!r}")
