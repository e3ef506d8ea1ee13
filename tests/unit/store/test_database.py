from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect

from ferrogate.errors import StoreError
from ferrogate.store import DATABASE_NAME, Store, open_store
from ferrogate.store.database import Database, prepare_folder
from ferrogate.store.migrate import HEAD, SCRIPTS, migrate, revision
from ferrogate.store.requests import LogFilter
from ferrogate.store.tables import REQUEST_COLUMNS, metadata, requests


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folder_and_files_belong_to_their_owner_alone(tmp_path: Path, store: Store) -> None:
    folder = tmp_path / "data"
    with store.database.write() as connection:
        store.settings.put(connection, "log.level", "info")
        assert mode(folder) == 0o700
        assert {mode(file) for file in folder.iterdir()} == {0o600}


def test_it_runs_in_wal_without_an_fsync_a_commit(store: Store) -> None:
    with store.database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5_000


def test_an_exception_rolls_back(store: Store) -> None:
    def fail_after_a_write() -> None:
        with store.database.write() as connection:
            store.settings.put(connection, "log.level", "debug")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_a_write()
    with store.database.read() as connection:
        assert store.settings.get(connection, "log.level") is None


def test_a_reader_sees_one_state_while_a_writer_commits(store: Store) -> None:
    with store.database.read() as reader:
        assert store.settings.all(reader) == {}
        with store.database.write() as writer:
            store.settings.put(writer, "log.level", "debug")
        assert store.settings.all(reader) == {}
    with store.database.read() as reader:
        assert store.settings.all(reader) == {"log.level": "debug"}


def test_a_database_that_another_process_holds_is_a_store_error(store: Store) -> None:
    other = sqlite3.connect(store.database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with store.database.read() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=1")
    try:
        with pytest.raises(StoreError, match="locked"), store.database.write():
            pass
    finally:
        other.close()


def test_a_file_that_is_no_database_is_a_store_error(tmp_path: Path) -> None:
    prepare_folder(tmp_path)
    (tmp_path / DATABASE_NAME).write_bytes(b"not a database, and longer than a header would be" * 40)
    with pytest.raises(StoreError, match="not a database"):
        open_store(tmp_path, {})


def test_a_folder_that_cannot_be_written_names_the_user_to_run_as(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(StoreError, match=rf"--user {tmp_path.stat().st_uid}:{tmp_path.stat().st_gid}"):
        prepare_folder(tmp_path)


def test_a_file_in_the_place_of_the_folder_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="--data"):
        prepare_folder(tmp_path / "data")


def test_the_constant_is_the_newest_revision_that_alembic_finds() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_migrations_build_what_the_tables_say(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        indices = {index["name"]: index for index in inspect(connection).get_indexes("requests")}
    assert indices["ux_requests_request_id"]["unique"] == 1
    assert "ix_requests_client_request_id" in indices


def test_an_existing_database_keeps_its_rows_and_needs_no_alembic(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = open_store(folder, {})
    with first.database.write() as connection:
        first.settings.put(connection, "log.level", "debug")
    first.close()
    program = (
        "import sys; from pathlib import Path; from ferrogate.store import open_store\n"
        f"store = open_store(Path({str(folder)!r}), {{}})\n"
        "with store.database.read() as connection: print(store.settings.all(connection))\n"
        "store.close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["{'log.level': 'debug'}", "False"]


def test_going_down_to_nothing_and_up_again(store: Store) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with store.database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
    migrate(store.database)
    with store.database.read() as connection:
        assert revision(connection) == HEAD
        assert inspect(connection).has_table("requests")


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path, {}).close()
    database = Database(tmp_path / DATABASE_NAME)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(StoreError, match="newer gateway"):
        open_store(tmp_path, {})


def test_request_columns_are_the_journal_s_in_order() -> None:
    expected = (
        "request_id started_ms door tenant gateway_key operation path model provider "
        "upstream_model key_id key_name status outcome error stream cache attempts attempts_json "
        "input_tokens output_tokens cached_tokens finish_reason duration_us ttft_us overhead_us "
        "queue_us upstream_us request_bytes response_bytes client_request_id tags "
        "similarity veto hooks payload payload_segment payload_offset payload_bytes"
    )
    assert tuple(expected.split()) == REQUEST_COLUMNS
    assert next(iter(requests.columns)).name == "id"


def test_a_database_of_the_first_schema_keeps_its_rows(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    prepare_folder(tmp_path)
    database = Database(tmp_path / DATABASE_NAME)
    migrate(database, "0001")
    later = {"similarity", "veto", "hooks"}
    old = [name for name in REQUEST_COLUMNS if not name.startswith("payload") and name not in later]
    with database.write() as connection:
        columns, marks = ",".join(old), ",".join("?" * len(old))
        for number in range(3):
            values = [1_750_000_000_000 if name == "started_ms" else number for name in old]
            connection.exec_driver_sql(f"INSERT INTO requests ({columns}) VALUES ({marks})", tuple(values))
        connection.exec_driver_sql(
            "INSERT INTO aliases (name, targets, created_ms, updated_ms)"
            """ VALUES ('chat', '[{"provider": "p", "model": "m"}]', 1, 1)"""
        )
        connection.exec_driver_sql("INSERT INTO journal_offset VALUES ('main', 7, 24)")
    database.close()

    store = open_store(tmp_path, {})
    with store.database.write() as connection:
        assert [row["payload"] for row in store.requests.page(connection, LogFilter(), 9, None)] == [
            "none"
        ] * 3
        assert store.requests.position(connection) == (7, 24)
        assert store.aliases.list(connection)[0].options == {}
        assert store.rollups.count(connection, 100) == 3, "the rows that were there are counted too"
        (bucket,) = store.rollups.buckets(connection, LogFilter(), 60_000)
        assert bucket.requests == 3
        # A gateway of the version before goes on for a while in a hand-over.
        values = ["late" if name == "request_id" else 1 for name in old]
        connection.exec_driver_sql(f"INSERT INTO requests ({columns}) VALUES ({marks})", tuple(values))
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with store.database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        assert connection.exec_driver_sql("SELECT count(*) FROM requests").scalar() == 4
    store.close()
