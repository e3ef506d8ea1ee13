"""Starting, ending, and what happens in between: one gateway a data folder, a drain that drops nothing."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from pathlib import Path

import psutil
import pytest

from harness.chat import CHAT, DONE, FINISH, chat, delta
from harness.doors import Door
from harness.gateway import START_S, Gateway, until
from harness.mock import Mock
from harness.upstream import Exchange, Upstream, chunk, stream_head
from harness.wire import End, Wire


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
    """On connections that were open before: the listener is closed."""
    held: list[Exchange] = []

    def script(exchange: Exchange) -> None:
        held.append(exchange)
        exchange.wait_until_left(30)
        exchange.close()

    upstream.script = script
    config = {"providers": {"p": {"kind": "openai-compatible", "base_url": upstream.url}}}
    gateway = Gateway(folder, Door.NATIVE, config=config)
    gateway.start()
    try:
        with Wire(gateway.port) as running, Wire(gateway.port) as probe, Wire(gateway.port) as late:
            running.post(CHAT, chat("p/m"))
            until(lambda: held, "the running request")
            probe.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n")
            late.write(b"POST " + CHAT.encode() + b" HTTP/1.1\r\nHost: localhost\r\n")
            until(lambda: gateway.call("GET", "status")["engine"]["connections"] >= 3, "three connections")
            gateway.signal(signal.SIGTERM)
            until(lambda: not accepts(gateway.port), "the listener's end")
            probe.write(b"\r\n")
            readiness = probe.answer()
            assert (readiness.status, b"draining" in readiness.body) == (503, True)
            late.write(b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
            refused = late.answer()
            assert (refused.status, b'"draining"' in refused.body) == (503, True)
            assert refused.header("retry-after") == "1"
        assert gateway.wait() == 0
        gateway.check_output()
    finally:
        gateway.kill()


def test_a_drain_ends_at_its_limit(folder: Path, door: Door, mock: Mock) -> None:
    config = {
        "server": {"drain": "500ms"},
        "providers": {"mock": {"base_url": mock.url, "keys": [f"drain-{door}-0123456789"]}},
    }
    mock.script(f"drain-{door}-0123456789", hang=True)
    gateway = Gateway(folder, door, config=config)
    gateway.start()
    try:
        with Wire(gateway.port) as wire:
            wire.post(CHAT, chat("mock/echo"))
            mock.wait_for(f"drain-{door}-0123456789")
            gateway.signal(signal.SIGTERM)
            assert gateway.wait() == 0
        gateway.check_output()
    finally:
        gateway.kill()


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
