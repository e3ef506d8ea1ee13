"""Brings a database to the newest schema.

Alembic takes longer to import than the rest of the store, so it is imported only where there is something
to do: the newest revision is a constant here, and a test compares it with what Alembic finds in the
folder.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect

from ferrogate.errors import StoreError
from ferrogate.store.database import Database

__all__ = ["HEAD", "SCRIPTS", "migrate", "revision"]

HEAD = "0003"
SCRIPTS = Path(__file__).parent / "migrations"


def revision(connection: Connection) -> str | None:
    """Return the revision of this database, or None where it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return found


def migrate(database: Database, target: str = HEAD) -> None:
    """Upgrade to ``target``, in one transaction. Does nothing where the database is there already.

    Raises:
        StoreError: a newer version of the gateway wrote this database.

    """
    with database.read() as connection:
        if revision(connection) == target:
            return
    with database.write() as connection:
        _upgrade(connection, target)


def _upgrade(connection: Connection, target: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    found = revision(connection)
    if found is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(found)
        except CommandError:
            raise StoreError(
                f"this database has schema {found}, which this version (schema {HEAD}) does not know: a newer"
                " gateway wrote it; install that one, or use another data folder"
            ) from None
    config.attributes["connection"] = connection
    command.upgrade(config, target)
