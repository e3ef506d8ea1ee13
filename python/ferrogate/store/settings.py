"""Settings that were changed while running, and the few facts that the gateway itself must remember.

A setting is stored under its dotted name (``limits.json_body``); what the gateway remembers for itself
stands under ``internal.`` and never reaches the configuration.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from ferrogate.store.tables import settings

__all__ = ["INTERNAL", "SettingRepository"]

INTERNAL = "internal."


class SettingRepository:
    """Rows of ``settings``."""

    def get(self, connection: Connection, name: str) -> Any:
        """Return the value, or None."""
        return connection.execute(select(settings.c.value).where(settings.c.name == name)).scalar()

    def all(self, connection: Connection) -> dict[str, Any]:
        """Every setting but the internal ones."""
        rows = connection.execute(select(settings).order_by(settings.c.name))
        return {row.name: row.value for row in rows if not row.name.startswith(INTERNAL)}

    def put(self, connection: Connection, name: str, value: Any) -> None:
        """Insert or replace."""
        if (
            connection.execute(update(settings).where(settings.c.name == name).values(value=value)).rowcount
            == 0
        ):
            connection.execute(insert(settings).values(name=name, value=value))

    def remove(self, connection: Connection, name: str) -> None:
        """Delete, if it is there."""
        connection.execute(delete(settings).where(settings.c.name == name))
