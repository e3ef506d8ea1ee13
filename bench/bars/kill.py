"""kill -9 under load: which answered requests the log lost, doubled, or shows with somebody else's bodies.

Clients ask for JSON and for streams, each request with a text of its own, and note the id and the moment of
each whole answer. After a while the gateway is killed and started again, and its log compared.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ferrogate.cli.bench.compare import Tell
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.servers import KEY, Server, ServerError, start_gateway

from .registry import Pace, Part, Settings, Step
from .report import Bar, Findings

CLIENTS = 16
GRACE_S = 0.25
"""A request that was answered less than this before the kill may be lost."""
PATIENCE_S = 30.0
NAME = "killed"


@dataclass
class Answered:
    """One whole answer: the gateway's id of the request, the text it asked with, and when it was here."""

    request_id: str
    text: str
    at: float


@dataclass
class Cycle:
    """What one kill did."""

    answered: int = 0
    due: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: int = 0
    strange: list[str] = field(default_factory=list)
    kept: int = 0


class Clients:
    """Threads that ask, one request after the other, until the gateway is gone."""

    def __init__(self, url: str, seed: int) -> None:
        self._address = urlsplit(url).netloc
        self._stop = threading.Event()
        self._answered: list[list[Answered]] = [[] for _ in range(CLIENTS)]
        self._threads = [
            threading.Thread(target=self._ask, args=(number, random.Random(seed * CLIENTS + number)))
            for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> list[Answered]:
        """Stop asking and return what was answered."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return [one for answered in self._answered for one in answered]

    def _ask(self, number: int, chance: random.Random) -> None:
        headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
        connection = http.client.HTTPConnection(self._address, timeout=10)
        with contextlib.closing(connection):
            count = 0
            while not self._stop.is_set():
                count += 1
                text = f"client {number} request {count} {chance.getrandbits(64):016x}"
                body = {
                    "model": "mock/echo",
                    "stream": chance.random() < 0.3,
                    "messages": [{"role": "user", "content": text}],
                }
                try:
                    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
                    answer = connection.getresponse()
                    answer.read()
                except (OSError, http.client.HTTPException):
                    return
                request_id = answer.headers["x-gateway-request-id"]
                self._answered[number].append(Answered(request_id, text, time.monotonic()))


def cycles(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """Kill and start again, so many times."""
    lab.script({"chunks": 5, "chunk_bytes": 50})
    found = []
    for number in range(settings.pace.rounds):
        tell(f"kill: {number + 1} of {settings.pace.rounds}")
        found.append(_cycle(lab, settings.pace, number))
    due = sum(cycle.due for cycle in found)
    lost, doubled = sum(len(cycle.lost) for cycle in found), sum(cycle.doubled for cycle in found)
    strange = sum(len(cycle.strange) for cycle in found)
    detail = f"{due:,} requests answered more than {GRACE_S * 1000:g} ms before, in {len(found)} kills"
    notes = [f"lost: {request_id}" for cycle in found for request_id in cycle.lost[:5]]
    kept = sum(cycle.kept for cycle in found)
    return Findings(
        bars=[
            Bar("rows lost by kill -9", lost, "rows", 0, detail),
            Bar("rows doubled by kill -9", doubled, "rows", 0, detail),
            Bar("rows with other bodies than theirs", strange, "rows", 0, f"{kept:,} bodies were read back"),
        ],
        notes=notes,
        failed=due == 0 or kept == 0,
    )


def _cycle(lab: Lab, pace: Pace, number: int) -> Cycle:
    server = _start(lab)
    clients = Clients(server.url, number)
    time.sleep(pace.seconds * (0.5 + random.Random(number).random()))
    server.process.kill()
    killed = time.monotonic()
    answered = clients.end()
    server.process.wait()
    due = [one for one in answered if one.at < killed - GRACE_S]
    again = _start(lab)
    try:
        database = lab.folder / f"{NAME}-data" / "gateway.db"
        _wait_for_log(database, due[-1:])
    finally:
        again.stop()
    cycle = _compare(database, answered, due)
    # Each cycle has rows enough of its own.
    shutil.rmtree(database.parent)
    return cycle


def _start(lab: Lab) -> Server:
    return start_gateway("native", lab.folder, lab.mock.url, workers=2, name=NAME)


def _wait_for_log(database: Path, last: Iterable[Answered]) -> None:
    """Wait until a request is in the log; the orderly stop afterwards reads what is left."""
    deadline = time.monotonic() + PATIENCE_S
    for one in last:
        while time.monotonic() < deadline:
            with _open(database) as connection:
                query = "SELECT 1 FROM requests WHERE request_id = ?"
                if connection.execute(query, (one.request_id,)).fetchone():
                    break
            time.sleep(0.05)


def _compare(database: Path, answered: list[Answered], due: list[Answered]) -> Cycle:
    from ferrogate.engine.facade import read_payload

    with _open(database) as connection:
        rows = connection.execute(
            "SELECT request_id, payload_segment, payload_offset, payload_bytes FROM requests"
        ).fetchall()
        counted = connection.execute("SELECT sum(requests) FROM rollups").fetchone()[0]
    places = {row[0]: row[1:] for row in rows}
    cycle = Cycle(len(answered), len(due), [one.request_id for one in due if one.request_id not in places])
    # An id is unique in the log; a row that came twice shows in the counts a minute.
    cycle.doubled = len(rows) - len(places) + max(0, (counted or 0) - len(rows))
    for one in answered:
        place = places.get(one.request_id, (None,) * 3)
        if place[2]:
            found = read_payload(database.parent / "payloads", *place, one.request_id)
            cycle.kept += found is not None
            if found is not None and one.text.encode() not in found[2]:
                cycle.strange.append(one.request_id)
    return cycle


@contextlib.contextmanager
def _open(database: Path) -> Iterator[sqlite3.Connection]:
    """Open the log to read, with SQLite's own lock as the only one."""
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)
    except sqlite3.Error as error:
        raise ServerError(f"the log cannot be read: {error}") from error
    with contextlib.closing(connection):
        yield connection


PART = Part(
    "kill",
    "rows lost or doubled by kill -9 under load",
    {
        "cycles": Step(
            cycles, Pace(rounds=20, seconds=2.0, warmup=0.0), lambda pace: pace.rounds * (pace.seconds + 6)
        )
    },
)
