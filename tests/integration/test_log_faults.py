"""What the request log does while its database is locked or broken and while its disk is full: it waits."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.chat import CHAT, chat
from harness.doors import COMPILED, Door
from harness.gateway import Gateway, until
from harness.mock import Mock

REQUESTS = 60
doors = pytest.mark.parametrize("way_in", COMPILED, ids=str)


@contextmanager
def running(folder: Path, way_in: Door, mock: Mock, data: Path | None = None) -> Iterator[Gateway]:
    provider = {"kind": "openai-compatible", "base_url": mock.url, "keys": ["key-of-the-log-faults"]}
    with Gateway(folder, way_in, config={"providers": {"mine": provider}}, data=data) as gateway:
        yield gateway


def ask(gateway: Gateway, count: int = REQUESTS, **more: Any) -> list[str]:
    """Ask, and see that every answer is whole; returns the ids."""
    ids = []
    for number in range(count):
        answer = gateway.http.post(CHAT, content=chat("mine/echo", stream=number % 3 == 0, **more))
        assert answer.status_code == 200
        assert b'"finish_reason":"stop"' in answer.content
        ids.append(answer.headers["x-gateway-request-id"])
    return ids


def logged(gateway: Gateway) -> list[str]:
    """Ids in the database, read beside the gateway."""
    with closing(sqlite3.connect(f"file:{gateway.data / 'gateway.db'}?mode=ro", uri=True)) as connection:
        return [row[0] for row in connection.execute("SELECT request_id FROM requests")]


def all_logged(gateway: Gateway, ids: list[str]) -> None:
    """Wait until the requests are in the log, and see that each is there once."""
    until(lambda: set(ids) <= set(logged(gateway)), "the rows of all requests", patience=30, pause=0.1)
    found = logged(gateway)
    assert len(found) == len(set(found))


def metric(gateway: Gateway, name: str) -> float:
    found = re.search(rf"^ferrogate_{name} ([0-9.e+]+)$", gateway.admin.get("/metrics").text, re.MULTILINE)
    assert found, name
    return float(found[1])


@doors
def test_a_locked_database_slows_no_request(folder: Path, mock: Mock, way_in: Door) -> None:
    with running(folder, way_in, mock) as gateway:
        before = ask(gateway, 3)
        all_logged(gateway, before)
        with closing(sqlite3.connect(gateway.data / "gateway.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            during = ask(gateway)
            assert sorted(logged(gateway)) == sorted(before), "the lock held, and every answer was whole"
            other.execute("ROLLBACK")
        all_logged(gateway, before + during)


@doors
def test_a_broken_database_loses_nothing(folder: Path, mock: Mock, way_in: Door) -> None:
    with running(folder, way_in, mock) as gateway:
        first = ask(gateway, 3)
        all_logged(gateway, first)
        with closing(sqlite3.connect(gateway.data / "gateway.db", isolation_level=None)) as other:
            other.execute("ALTER TABLE requests RENAME TO elsewhere")
            during = ask(gateway)

            def noticed() -> bool:
                return metric(gateway, "log_failures_total") > 0

            until(noticed, "a failure that is counted")
            other.execute("ALTER TABLE elsewhere RENAME TO requests")
        all_logged(gateway, first + during)
        assert metric(gateway, "journal_shed_rows_total") == 0


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A file system of its own, where this user may mount one."""
    place.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no small file system to fill: {error}")
    if done.returncode:
        pytest.skip(f"no small file system to fill: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False)


def fill(place: Path) -> Path:
    """Use up every byte."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as stream:
        for size in (1 << 20, 4096, 1):
            try:
                while stream.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    return filler


def test_a_full_disk_is_survived_counted_and_recovered_from(folder: Path, mock: Mock) -> None:
    with (
        small_disk(folder / "disk", "32m") as disk,
        running(folder, Door.NATIVE, mock, disk / "data") as gateway,
    ):
        before = ask(gateway, 10)
        all_logged(gateway, before)
        filler = fill(disk)
        during = ask(gateway)
        until(lambda: metric(gateway, "journal_write_errors_total") > 0, "a write error that is counted")
        assert metric(gateway, "payloads_shed_total") > 0, "bodies are shed first"
        assert metric(gateway, "journal_shed_rows_total") == 0, "rows wait"
        filler.unlink()
        all_logged(gateway, before + during)
        shed = gateway.call("GET", f"logs/{during[-1]}/payloads")
        assert (shed["state"], shed["request"]) == ("shed", None)

        def kept() -> bool:
            last = ask(gateway, 1)
            all_logged(gateway, last)
            return bool(gateway.call("GET", f"logs/{last[0]}/payloads")["state"] == "kept")

        until(kept, "bodies that are kept again", pause=0.3)
