"""Starting, ending, and what happens in between: one gateway a data folder, a drain that drops nothing."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest

from harness.chat import ANSWER, CHAT, DONE, FINISH, chat, delta
from harness.doors import Door
from harness.gateway import START_S, Gateway, until
from harness.load import Load
from harness.mock import Mock
from harness.upstream import Exchange, Upstream, chunk, json_answer, stream_head
from harness.wire import Answer, End, Wire


def serving(mock: Mock) -> dict[str, object]:
    return {"providers": {"mock": {"base_url": mock.url}}}


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        Wire(port).close()
    except ConnectionError:
        return False
    return True


def test_the_run_file_leads_to_the_gateway(folder: Path, door: Door, mock: Mock) -> None:
    with Gateway(folder, door, config=serving(mock)) as gateway:
        path = gateway.data / "run.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        run = json.loads(path.read_text())
        assert (run["url"], run["pid"]) == (gateway.url, gateway.pid)
        assert gateway.http.get(f"{run['url']}/healthz").status_code == 200
    assert not path.exists(), "an ended gateway leaves no run file"


def test_standard_output_begins_with_the_address(folder: Path, door: Door) -> None:
    with Gateway(folder, door) as gateway:
        lines = gateway.stdout.splitlines()
        assert lines == [f"listening on {gateway.url}", f"dashboard: {gateway.url}/"]


def test_two_gateways_on_one_folder_refuse(folder: Path, mock: Mock) -> None:
    with Gateway(folder, Door.NATIVE, config=serving(mock)) as first:
        second = Gateway(folder / "second", Door.UVICORN, data=first.data)
        process = second.spawn()
        try:
            assert process.wait(START_S) == 1
        finally:
            second.kill()
        assert second.stdout == ""
        assert str(first.data) in second.stderr
        assert first.url in second.stderr, "it says which one runs"
        assert "Traceback" not in second.stderr
        assert first.http.post(CHAT, content=chat("mock/echo")).status_code == 200


def test_of_two_that_start_at_once_one_runs(folder: Path, mock: Mock) -> None:
    rivals = [
        Gateway(folder / name, Door.NATIVE, config=serving(mock), data=folder / "data") for name in "ab"
    ]
    try:
        processes = [rival.spawn() for rival in rivals]
        until(
            lambda: [process for process in processes if process.poll() is not None],
            "the loser",
            patience=START_S,
        )
        (loser,) = [
            rival for rival, process in zip(rivals, processes, strict=True) if process.poll() is not None
        ]
        (winner,) = [rival for rival in rivals if rival is not loser]
        assert loser.wait() == 1
        assert "a gateway runs on the data folder" in loser.stderr
        assert "Traceback" not in loser.stderr
        until(lambda: "listening on" in winner.stdout, "the winner", patience=START_S)
        assert json.loads((folder / "data" / "run.json").read_text())["pid"] == winner.pid
        winner.signal(signal.SIGTERM)
        assert winner.wait() == 0
    finally:
        for rival in rivals:
            rival.kill()


def test_a_killed_gateway_leaves_a_folder_that_starts_again(folder: Path, door: Door, mock: Mock) -> None:
    first = Gateway(folder, door, config=serving(mock))
    with pytest.raises(subprocess.TimeoutExpired), first:  # noqa: PT012 - killed instead of stopped
        answer = first.http.post(CHAT, content=chat("mock/echo"))
        first.row(answer.headers["x-gateway-request-id"])
        first.signal(signal.SIGKILL)
        assert first.wait() == -signal.SIGKILL
        raise subprocess.TimeoutExpired("gateway", 0)
    with Gateway(folder, door, config=serving(mock)) as second:
        assert second.row(answer.headers["x-gateway-request-id"])["outcome"] == "ok"


def test_sigint_ends_it_as_ctrl_c_does(folder: Path, door: Door) -> None:
    gateway = Gateway(folder, door)
    gateway.start()
    try:
        gateway.signal(signal.SIGINT)
        assert gateway.wait() == 130
        gateway.check_output()
    finally:
        gateway.kill()


@pytest.mark.kind("draining")
def test_a_drain_lets_a_stream_finish_and_takes_nothing_new(
    folder: Path, door: Door, upstream: Upstream
) -> None:
    gate = [False]

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(delta("a")))
        until(lambda: gate[0], "the gate", patience=30)
        exchange.send(chunk(FINISH + DONE) + b"0\r\n\r\n")

    upstream.script = script
    config = {"providers": {"p": {"kind": "openai-compatible", "base_url": upstream.url}}}
    gateway = Gateway(folder, door, config=config)
    gateway.start()
    try:
        with Wire(gateway.port) as wire, Wire(gateway.port) as waiting, Wire(gateway.port) as idle:
            wire.post(CHAT, chat("p/m", stream=True))
            wire.open()
            pieces = wire.pieces()
            assert next(pieces) == delta("a")
            body = chat("p/m")
            headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
            waiting.head("POST", CHAT, headers)
            waiting.write(body[:5])
            idle.head("GET", "/healthz")
            assert idle.answer().status == 200
            gateway.signal(signal.SIGTERM)
            until(lambda: "draining" in gateway.stderr, "the drain")
            gate[0] = True
            assert b"".join(pieces) == FINISH + DONE
            assert wire.end is End.WHOLE
        assert gateway.wait() == 0
        gateway.check_output()
    finally:
        gateway.kill()


@pytest.mark.kind("draining")
def test_while_it_drains_it_is_not_ready_and_says_so(folder: Path, upstream: Upstream) -> None:
    """On connections that were open before: the listener is closed. What comes at once is still served."""
    held: list[Exchange] = []

    def hold(exchange: Exchange) -> None:
        held.append(exchange)
        exchange.wait_until_left(30)
        exchange.close()

    upstream.queue.append(hold)
    upstream.script = json_answer(ANSWER)
    config = {"providers": {"p": {"kind": "openai-compatible", "base_url": upstream.url}}}
    gateway = Gateway(folder, Door.NATIVE, config=config)
    gateway.start()
    try:
        with ExitStack() as open_:
            running, probe = (open_.enter_context(Wire(gateway.port)) for _ in range(2))
            late = [open_.enter_context(Wire(gateway.port)) for _ in range(40)]
            running.post(CHAT, chat("p/m"))
            until(lambda: held, "the running request")
            probe.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n")
            for wire in late:
                wire.write(b"POST " + CHAT.encode() + b" HTTP/1.1\r\nHost: localhost\r\n")
            engine = gateway.call("GET", "status")["engine"]
            until(lambda: engine["connections"] >= len(late), "the connections")
            gateway.signal(signal.SIGTERM)
            until(lambda: not accepts(gateway.port), "the listener's end")
            probe.write(b"\r\n")
            readiness = probe.answer()
            assert (readiness.status, b"draining" in readiness.body) == (503, True)
            body = chat("p/m")

            def asked_late() -> Answer:
                wire = late.pop()
                wire.write(b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                answer = wire.answer()
                assert answer.header("connection") == "close"
                assert wire.at_end()
                return answer

            assert asked_late().status == 200
            refused = until(
                lambda: answer if (answer := asked_late()).status != 200 else None, "the refusal", pause=0.1
            )
            assert (refused.status, b'"draining"' in refused.body) == (503, True)
            assert refused.header("retry-after") == "1"
        assert gateway.wait() == 0
        gateway.check_output()
    finally:
        gateway.kill()


@pytest.mark.kind("draining")
def test_a_drain_ends_at_its_limit_and_tells_everybody(folder: Path, door: Door, upstream: Upstream) -> None:
    def script(exchange: Exchange) -> None:
        if b'"stream"' in exchange.request.body:
            exchange.send(stream_head() + chunk(delta("a")))
        exchange.wait_until_left(30)
        exchange.close()

    upstream.script = script
    provider = {"kind": "openai-compatible", "base_url": upstream.url}
    gateway = Gateway(folder, door, config={"server": {"drain": "1s"}, "providers": {"p": provider}})
    gateway.start()
    try:
        with Wire(gateway.port) as stream, Wire(gateway.port) as silent, Wire(gateway.port) as unused:
            stream.post(CHAT, chat("p/m", stream=True))
            stream.open()
            pieces = stream.pieces()
            assert next(pieces) == delta("a")
            silent.post(CHAT, chat("p/m"))
            until(lambda: len(upstream.requests) == 2, "both requests")
            gateway.signal(signal.SIGTERM)
            rest = b"".join(pieces)
            assert stream.end is End.CUT
            assert DONE not in rest
            if door.is_compiled:
                said = json.loads(rest.removeprefix(b"data: "))["error"]
                assert (said["code"], said["type"]) == ("draining", "gateway_error")
                refused = silent.answer()
                assert (refused.status, b'"draining"' in refused.body) == (503, True)
                assert refused.header("retry-after") == "1"
            assert unused.at_end()
        assert gateway.wait() == 0
        assert "were cut" in gateway.stderr
        gateway.check_output()
    finally:
        gateway.kill()
    rows = logged(gateway)
    assert {(row["stream"], row["outcome"], row["error"]) for row in rows} == (
        {(1, "cut", "draining"), (0, "error", "draining")}
        if door.is_compiled
        else {(1, "cut", "draining"), (0, "cut", "draining")}
    )


def logged(gateway: Gateway) -> list[sqlite3.Row]:
    """The log of a gateway that has ended."""
    with closing(sqlite3.connect(gateway.data / "gateway.db")) as database:
        database.row_factory = sqlite3.Row
        return database.execute("SELECT * FROM requests").fetchall()


def test_a_grace_takes_requests_and_sends_clients_away(folder: Path, door: Door, mock: Mock) -> None:
    config = serving(mock) | {"server": {"drain_grace": "10m"}}
    gateway = Gateway(folder, door, config=config)
    gateway.start()
    try:
        with Wire(gateway.port) as kept:
            kept.head("GET", "/readyz")
            assert kept.answer().status == 200
            gateway.signal(signal.SIGTERM)
            until(lambda: gateway.http.get("/readyz").status_code == 503, "the word to balancers")
            assert gateway.http.get("/readyz").json()["status"] == "draining"
            fresh = gateway.http.post(CHAT, content=chat("mock/echo"))
            assert (fresh.status_code, fresh.headers["connection"]) == (200, "close")
            kept.post(CHAT, chat("mock/echo", stream=True))
            answer = kept.answer()
            assert (answer.status, answer.end, answer.header("connection")) == (200, End.WHOLE, "close")
            assert kept.at_end()
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 143, "a second signal ends it at once"
        gateway.check_output()
    finally:
        gateway.kill()
    assert not (gateway.data / "run.json").exists()


def test_what_was_answered_before_an_end_at_once_is_in_the_log(folder: Path, door: Door, mock: Mock) -> None:
    if not door.is_compiled:
        pytest.skip("the Python engine keeps no journal")
    gateway = Gateway(folder, door, config=serving(mock) | {"server": {"drain_grace": "10m"}})
    gateway.start()
    try:
        ids = [
            gateway.http.post(CHAT, content=chat("mock/echo")).headers["x-gateway-request-id"]
            for _ in range(20)
        ]
        gateway.signal(signal.SIGTERM)
        gateway.signal(signal.SIGTERM)
        gateway.signal(signal.SIGINT)
        assert gateway.wait() in (143, 130)
    finally:
        gateway.kill()
    with Gateway(folder, door, config=serving(mock)) as again:
        again.row(ids[-1])
    assert sorted(row["request_id"] for row in logged(again)) == sorted(ids)


def test_a_busy_client_is_told_before_its_connection_ends(folder: Path, door: Door, mock: Mock) -> None:
    """A request on a kept-alive connection is answered, or its client knew that none would be."""
    gateway = Gateway(folder, door, config=serving(mock))
    gateway.start()
    try:
        with Load(gateway.port, "mock/echo", clients=4, kinds=("kept", "stream"), until_closed=True) as load:
            load.wait_for_more(200)
            gateway.signal(signal.SIGTERM)
            load.join()
        assert load.failures == []
        assert gateway.wait() == 0
        gateway.check_output()
    finally:
        gateway.kill()
    assert sorted(row["request_id"] for row in logged(gateway)) == sorted(load.ids), (
        "all of them before the end"
    )


@pytest.mark.kind("control_plane_down")
def test_inference_goes_on_without_the_control_plane(folder: Path, mock: Mock) -> None:
    with Gateway(folder, Door.NATIVE, config=serving(mock)) as gateway:
        connections = psutil.Process(gateway.pid).net_connections(kind="unix")
        (path,) = {str(entry.laddr) for entry in connections if str(entry.laddr).endswith("control.sock")}
        assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o700
        os.unlink(path)  # noqa: PTH108 - as a cleaner of temporary files does
        refused = gateway.admin.get("/api/v1/keys")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "control_plane_down")
        assert gateway.http.post(CHAT, content=chat("mock/echo")).status_code == 200
        assert gateway.http.get("/readyz").status_code == 200


def test_a_port_that_is_taken_is_an_error_with_advice(folder: Path, door: Door, upstream: Upstream) -> None:
    gateway = Gateway(folder, door, flags=["--port", str(upstream.port)])
    process = gateway.spawn()
    try:
        assert process.wait(START_S) == 1
    finally:
        gateway.kill()
    assert "--port" in gateway.stderr
    assert "Traceback" not in gateway.stderr
