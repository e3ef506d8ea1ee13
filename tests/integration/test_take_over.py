"""A new process takes the place of a running one: no client notices, and no row is lost."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from ferrogate.doors.take_over import Predecessor
from harness.certificates import Certificates
from harness.chat import CHAT, DONE, FINISH, chat, delta
from harness.doors import Door
from harness.gateway import START_S, Gateway, until
from harness.load import Load
from harness.mock import Mock
from harness.upstream import Exchange, Upstream, chunk, stream_head
from harness.wire import End, Wire
from harness.wire2 import Wire2

MODEL = "mock/echo"


class Line:
    """One data folder and the gateways that take it over from each other."""

    def __init__(self, folder: Path, config: dict[str, object]) -> None:
        self.folder = folder
        self.config = config
        self.all: list[Gateway] = []

    def start(self, door: Door, *flags: str, data: Path | None = None) -> Gateway:
        gateway = self.make(door, *flags, data=data)
        gateway.start()
        return gateway

    def make(self, door: Door, *flags: str, data: Path | None = None) -> Gateway:
        folder = self.folder / f"gateway-{len(self.all)}"
        data = data or self.folder / "data"
        self.all.append(Gateway(folder, door, config=self.config, flags=flags, data=data))
        return self.all[-1]

    def log(self) -> Counter[str]:
        """How often each request is in the log."""
        with sqlite3.connect(self.folder / "data" / "gateway.db") as database:
            return Counter(row[0] for row in database.execute("SELECT request_id FROM requests"))


@pytest.fixture
def line(folder: Path, mock: Mock) -> Iterator[Line]:
    line = Line(folder, {"providers": {"mock": {"base_url": mock.url}}})
    yield line
    for gateway in line.all:
        gateway.kill()


def ended_well(gateway: Gateway) -> None:
    assert gateway.wait() == 0, gateway.stderr
    gateway.check_output()


def test_three_take_overs_under_load_fail_no_request(line: Line, door: Door) -> None:
    gateways = [line.start(door)]
    with Load(gateways[0].port, MODEL) as load:
        for workers in (1, 3, 2):
            load.wait_for_more(100)
            gateways.append(line.start(door, "--take-over", "--workers", str(workers)))
            assert gateways[-1].url == gateways[0].url
            ended_well(gateways[-2])
            load.wait_for_more(100)
    assert load.failures == []
    run = json.loads((line.folder / "data" / "run.json").read_text())
    assert run["pid"] == gateways[-1].pid
    gateways[-1].stop()
    assert not (line.folder / "data" / "run.json").exists()
    logged = line.log()
    assert len(set(load.ids)) == len(load.ids)
    assert {key for key in load.ids if logged[key] != 1} == set(), "each is in the log once"
    assert sum(logged.values()) == len(load.ids), "and nothing else is"


@pytest.mark.parametrize(
    ("old", "new"), [(Door.NATIVE, Door.UVICORN), (Door.UVICORN, Door.NATIVE), (Door.PYTHON, Door.NATIVE)]
)
def test_the_way_in_may_change(line: Line, old: Door, new: Door) -> None:
    first = line.start(old)
    with Load(first.port, MODEL, clients=1) as load:
        load.wait_for_more(20)
        second = line.start(new, "--take-over")
        ended_well(first)
        load.wait_for_more(20)
    assert load.failures == []
    second.stop()
    logged = line.log()
    assert [logged[key] for key in load.ids] == [1] * len(load.ids)


def test_a_stream_and_an_idle_connection_stay_with_the_old_process(
    line: Line, door: Door, upstream: Upstream
) -> None:
    gate = [False]

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(delta("a")))
        until(lambda: gate[0], "the gate", patience=30)
        exchange.send(chunk(FINISH + DONE) + b"0\r\n\r\n")

    upstream.script = script
    line.config = {"providers": {"p": {"kind": "openai-compatible", "base_url": upstream.url}}}
    first = line.start(door)
    with Wire(first.port) as wire, Wire(first.port) as idle:
        wire.post(CHAT, chat("p/m", stream=True))
        wire.open()
        pieces = wire.pieces()
        assert next(pieces) == delta("a")
        idle.head("GET", "/healthz")
        assert idle.answer().header("connection") != "close"
        second = line.start(door, "--take-over")
        until(lambda: "has taken over" in first.stderr, "the hand-over")
        idle.head("GET", "/readyz")
        said = idle.answer()
        assert (said.status, b'"draining"' in said.body) == (503, True)
        assert said.header("connection") == "close", "its next request finds the new process"
        assert idle.at_end()
        assert second.http.get("/readyz").status_code == 200
        gate[0] = True
        assert b"".join(pieces) == FINISH + DONE
        assert wire.end is End.WHOLE
    ended_well(first)
    second.stop()
    assert sum(line.log().values()) == 1


def test_the_admin_api_follows_at_once(line: Line) -> None:
    """Over a connection to the old process too: what is changed there would not be in force."""
    first = line.start(Door.NATIVE)
    run = json.loads((line.folder / "data" / "run.json").read_text())
    with Wire(first.port) as kept:
        kept.head("GET", "/healthz")
        kept.answer()
        second = line.start(Door.NATIVE, "--take-over")
        body = json.dumps(
            {"provider": "openai", "name": "late", "value": "sk-late-0123456789abcdef"}
        ).encode()
        kept.post("/api/v1/keys", body, [("Authorization", f"Bearer {run['secret']}")])
        assert kept.answer().status == 201
    names = [item["name"] for item in second.call("GET", "keys")["items"]]
    assert names == ["late"]
    ended_well(first)
    second.stop()


def test_what_changed_while_the_new_process_started_is_in_force(line: Line, mock: Mock) -> None:
    first = line.start(Door.NATIVE)
    second = line.make(Door.NATIVE, "--take-over")
    process = second.spawn()
    added: list[str] = []

    def add_until_taken_over() -> bool:
        if "has taken over" in first.stderr:
            return True
        name = f"alias{len(added)}"
        first.call("PUT", f"models/{name}", targets=[MODEL])
        added.append(name)
        return False

    try:
        until(add_until_taken_over, "the hand-over", patience=START_S, pause=0.001)
        until(lambda: "listening on" in second.stdout, "the new process")
        second.http.base_url = second.admin.base_url = first.url
        listed = {item["name"] for item in second.call("GET", "models")["items"]}
        assert set(added) <= listed
        for name in added:
            assert second.http.post(CHAT, content=chat(name)).status_code == 200
    finally:
        assert process.poll() is None
    first.admin.close()
    ended_well(first)
    second.stop()


def test_a_new_process_that_dies_on_the_way_changes_nothing(line: Line) -> None:
    first = line.start(Door.NATIVE)
    with Load(first.port, MODEL, clients=1) as load:
        refused = line.make(Door.NATIVE, "--take-over", "--host", "127.0.0.2")
        assert refused.spawn().wait(START_S) == 1
        assert "a take-over keeps the address" in refused.stderr
        refused.check_output()
        load.wait_for_more(20)
        run = json.loads((line.folder / "data" / "run.json").read_text())
        with closing(Predecessor(run["take_over"])) as dying:
            sockets = dying.sockets("127.0.0.1", first.port)
            assert {sock.getsockname()[1] for sock in sockets} == {first.port}
            load.wait_for_more(20)
            for sock in sockets:
                sock.close()
        load.wait_for_more(20)
        second = line.start(Door.NATIVE, "--take-over")
        ended_well(first)
        load.wait_for_more(20)
    assert load.failures == []
    second.stop()
    logged = line.log()
    assert [logged[key] for key in load.ids] == [1] * len(load.ids)


def test_a_signal_ends_an_old_process_that_waits_for_its_clients(line: Line) -> None:
    first = line.start(Door.NATIVE)
    with Wire(first.port) as idle:
        idle.head("GET", "/healthz")
        idle.answer()
        second = line.start(Door.NATIVE, "--take-over")
        until(lambda: "has taken over" in first.stderr, "the hand-over")
        first.signal(signal.SIGTERM)
        ended_well(first)
    assert json.loads((line.folder / "data" / "run.json").read_text())["pid"] == second.pid
    second.stop()


def test_the_new_process_shakes_hands_too(line: Line, certificates: Certificates) -> None:
    """With TLS: over connections of both processes, on HTTP/1.1 and HTTP/2."""
    line.config["server"] = {"tls": {"cert": str(certificates.chain), "key": str(certificates.key)}}
    trust = ssl.create_default_context(cafile=str(certificates.authority))
    first = line.start(Door.NATIVE)
    with (
        httpx.Client(verify=trust, trust_env=False, base_url=first.url) as h1,
        Wire2(first.port, tls=trust) as h2,
    ):
        answers = [h1.post(CHAT, content=chat(MODEL)), h2.answer(h2.post(CHAT, chat(MODEL)))]
        second = line.start(Door.NATIVE, "--take-over")
        assert second.url == first.url
        assert second.url.startswith("https://")
        h2.until(lambda: h2.goaway == 0, "GOAWAY")
        answers += [h1.post(CHAT, content=chat(MODEL)) for _ in range(2)]
        with Wire2(second.port, tls=trust) as fresh:
            answers.append(fresh.answer(fresh.post(CHAT, chat(MODEL))))
    ended_well(first)
    second.stop()
    logged = line.log()
    assert [logged[answer.headers["x-gateway-request-id"]] for answer in answers] == [1] * 5


def test_without_a_running_gateway_it_is_a_start(line: Line) -> None:
    gateway = line.start(Door.NATIVE, "--take-over")
    assert gateway.http.post(CHAT, content=chat(MODEL)).status_code == 200
    gateway.stop()


def test_two_that_take_over_at_once_do_so_one_after_the_other(line: Line) -> None:
    first = line.start(Door.NATIVE)
    rivals = [line.make(Door.NATIVE, "--take-over") for _ in range(2)]
    with Load(first.port, MODEL, clients=1) as load:
        processes = [rival.spawn() for rival in rivals]
        ended_well(first)
        until(
            lambda: (
                any(process.poll() is not None for process in processes)
                or all("listening on" in rival.stdout for rival in rivals)
            ),
            "both ends",
            patience=START_S,
        )
        load.wait_for_more(20)
    assert load.failures == []
    alive = [rival for rival, process in zip(rivals, processes, strict=True) if process.poll() is None]
    run = json.loads((line.folder / "data" / "run.json").read_text())
    assert run["pid"] in [rival.pid for rival in alive]
    for rival in alive:
        rival.signal(signal.SIGTERM)
    for rival in rivals:
        rival.wait()
        assert "Traceback" not in rival.stderr
    logged = line.log()
    assert [logged[key] for key in load.ids] == [1] * len(load.ids)


def test_a_dead_gateway_s_run_file_names_nobody(line: Line) -> None:
    """Its number may belong to another process by now: here it does."""
    first = line.start(Door.NATIVE)
    path = line.folder / "data" / "run.json"
    first.signal(signal.SIGKILL)
    first.wait()
    path.write_text(json.dumps({**json.loads(path.read_text()), "pid": os.getpid()}))
    command = ["keys", "list", "--json", "--data", str(line.folder / "data")]
    listed = subprocess.run(
        [sys.executable, "-m", "ferrogate", *command],
        capture_output=True,
        text=True,
        timeout=START_S,
        cwd=line.folder,
        check=False,
    )
    assert (listed.returncode, listed.stderr) == (0, ""), "it asks the folder itself"
    second = line.start(Door.NATIVE, "--take-over")
    assert json.loads(path.read_text())["pid"] == second.pid
    second.stop()
