"""Aliases that were made through the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from ferrogate.errors import NotFoundError
from ferrogate.store.ids import now_ms
from ferrogate.store.tables import aliases

__all__ = ["AliasRepository", "StoredAlias", "StoredTarget"]


@dataclass(frozen=True, slots=True)
class StoredTarget:
    """One target of an alias."""

    provider: str
    model: str
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class StoredAlias:
    """One row; ``options`` are what it says beside its targets, such as ``payloads``."""

    name: str
    targets: tuple[StoredTarget, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


class AliasRepository:
    """Rows of ``aliases``."""

    def put(
        self,
        connection: Connection,
        name: str,
        targets: Sequence[StoredTarget],
        options: Mapping[str, Any] | None = None,
    ) -> bool:
        """Insert or replace; True where it is new."""
        stored = [{"provider": one.provider, "model": one.model, "weight": one.weight} for one in targets]
        now = now_ms()
        said = {"targets": stored, "options": dict(options or {}), "updated_ms": now}
        if connection.execute(update(aliases).where(aliases.c.name == name).values(said)).rowcount:
            return False
        connection.execute(insert(aliases).values(name=name, created_ms=now, **said))
        return True

    def list(self, connection: Connection) -> list[StoredAlias]:
        """All rows by name."""
        query = select(aliases.c.name, aliases.c.targets, aliases.c.options).order_by(aliases.c.name)
        return [
            StoredAlias(row.name, tuple(StoredTarget(**one) for one in row.targets), row.options)
            for row in connection.execute(query)
        ]

    def remove(self, connection: Connection, name: str) -> None:
        """Delete one row. Raises NotFoundError."""
        if connection.execute(delete(aliases).where(aliases.c.name == name)).rowcount == 0:
            raise NotFoundError(f"no alias named {name!r} is stored")
