"""Aliases that were made through the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    """One row."""

    name: str
    targets: tuple[StoredTarget, ...]


class AliasRepository:
    """Rows of ``aliases``."""

    def put(self, connection: Connection, name: str, targets: Sequence[StoredTarget]) -> bool:
        """Insert or replace; True where it is new."""
        stored = [{"provider": one.provider, "model": one.model, "weight": one.weight} for one in targets]
        now = now_ms()
        change = update(aliases).where(aliases.c.name == name).values(targets=stored, updated_ms=now)
        if connection.execute(change).rowcount:
            return False
        connection.execute(insert(aliases).values(name=name, targets=stored, created_ms=now, updated_ms=now))
        return True

    def list(self, connection: Connection) -> list[StoredAlias]:
        """All rows by name."""
        rows = connection.execute(select(aliases.c.name, aliases.c.targets).order_by(aliases.c.name))
        return [StoredAlias(row.name, tuple(StoredTarget(**one) for one in row.targets)) for row in rows]

    def remove(self, connection: Connection, name: str) -> None:
        """Delete one row. Raises NotFoundError."""
        if connection.execute(delete(aliases).where(aliases.c.name == name)).rowcount == 0:
            raise NotFoundError(f"no alias named {name!r} is stored")
