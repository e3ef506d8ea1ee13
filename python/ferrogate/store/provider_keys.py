"""Provider keys as they are stored: sealed under the row's id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ferrogate.errors import ConflictError, NotFoundError
from ferrogate.store.crypto import Cipher
from ferrogate.store.ids import new_id, now_ms
from ferrogate.store.tables import provider_keys

__all__ = ["ProviderKeyRepository", "StoredKey"]

_SHOWN = [column for column in provider_keys.columns if column.name != "value"]


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One row without its secret."""

    id: str
    provider: str
    name: str
    masked: str
    weight: float
    models: tuple[str, ...]
    enabled: bool
    created_ms: int
    updated_ms: int


class ProviderKeyRepository:
    """Rows of ``provider_keys``."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    def add(
        self,
        connection: Connection,
        *,
        provider: str,
        name: str,
        value: str,
        masked: str,
        weight: float,
        models: Sequence[str],
        enabled: bool,
    ) -> str:
        """Insert and return the new id. Raises ConflictError where the provider has a key of that name."""
        key_id, now = new_id("key"), now_ms()
        try:
            connection.execute(
                insert(provider_keys).values(
                    id=key_id,
                    provider=provider,
                    name=name,
                    value=self._cipher.seal(value, _row(key_id)),
                    masked=masked,
                    weight=weight,
                    models=list(models),
                    enabled=enabled,
                    created_ms=now,
                    updated_ms=now,
                )
            )
        except IntegrityError:
            raise _taken(provider, name) from None
        return key_id

    def list(self, connection: Connection) -> list[StoredKey]:
        """All rows, oldest first."""
        return [_stored(row) for row in connection.execute(select(*_SHOWN).order_by(provider_keys.c.id))]

    def get(self, connection: Connection, key_id: str) -> StoredKey:
        """One row. Raises NotFoundError."""
        row = connection.execute(select(*_SHOWN).where(provider_keys.c.id == key_id)).one_or_none()
        if row is None:
            raise _missing(key_id)
        return _stored(row)

    def values(self, connection: Connection) -> dict[str, str]:
        """Return the secrets in the clear, by id. Raises DecryptionError."""
        rows = connection.execute(select(provider_keys.c.id, provider_keys.c.value))
        return {row.id: self._cipher.open(row.value, _row(row.id)) for row in rows}

    def change(self, connection: Connection, key_id: str, fields: dict[str, Any]) -> None:
        """Update the named columns, ``value`` in the clear. Raises NotFoundError or ConflictError."""
        fields = dict(fields, updated_ms=now_ms())
        if "value" in fields:
            fields["value"] = self._cipher.seal(fields["value"], _row(key_id))
        try:
            done = connection.execute(
                update(provider_keys).where(provider_keys.c.id == key_id).values(**fields)
            )
        except IntegrityError:
            raise _taken("this provider", fields["name"]) from None
        if done.rowcount == 0:
            raise _missing(key_id)

    def remove(self, connection: Connection, key_id: str) -> None:
        """Delete one row. Raises NotFoundError."""
        if connection.execute(delete(provider_keys).where(provider_keys.c.id == key_id)).rowcount == 0:
            raise _missing(key_id)


def _row(key_id: str) -> str:
    return f"provider_keys/{key_id}"


def _stored(row: Row[Any]) -> StoredKey:
    fields = dict(row._mapping)
    return StoredKey(**{**fields, "models": tuple(fields["models"])})


def _missing(key_id: str) -> NotFoundError:
    return NotFoundError(f"there is no provider key with the id {key_id!r}")


def _taken(provider: str, name: str) -> ConflictError:
    return ConflictError(
        f"{provider} has a key named {name!r} already: choose another name, or change that key"
    )
