"""``gateway serve`` from outside: start, credentials, reload, drain, end, in each mode."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import httpx
import pytest

MODES = {
    "native": (),
    "uvicorn": ("--server", "uvicorn"),
    "python": ("--engine", "python"),
}
ASK = {"model": "up/m", "messages": []}

modes = pytest.mark.parametrize("mode", MODES)


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


@pytest.fixture
def config(tmp_path, provider):
    path = tmp_path / "gateway.yaml"
    write_config(path, provider, "a")
    return path


def write_config(path, provider, key):
    entry = {
        "kind": "openai-compatible",
        "base_url": provider.base_url,
        "keys": [{"name": key, "value": "v"}],
    }
    path.write_text(json.dumps({"providers": {"up": entry}}))


@modes
def test_a_request_goes_through_and_is_logged(start, config, tmp_path, mode):
    gateway = start(*MODES[mode])
    assert gateway.first.startswith("listening on http://127.0.0.1:")
    assert gateway.second == f"dashboard: {gateway.url}/"
    with gateway.client() as client:
        assert client.get("/readyz").status_code == 200
        assert "<html" in client.get("/").text.lower()
        answer = client.post("/openai/v1/chat/completions", json=ASK)
        assert (answer.status_code, answer.headers["x-gateway-key"]) == (200, "a")
        request_id = answer.headers["x-gateway-request-id"]
        until(lambda: client.get(f"/api/v1/logs/{request_id}").status_code == 200)
        row = client.get(f"/api/v1/logs/{request_id}").json()
        assert (row["door"], row["status"], row["outcome"]) == (mode, 200, "ok")
        for path in ("/anthropic/v1/messages", "/litellm/genai/v1beta/models/x:generateContent"):
            refused = client.post(path, json={})
            assert (refused.status_code, refused.json()["error"]["code"]) == (501, "not_supported")
    run = tmp_path / "data" / "run.json"
    assert json.loads(run.read_text())["url"] == gateway.url
    assert stat.S_IMODE(run.stat().st_mode) == 0o600
    assert stat.S_IMODE(run.parent.stat().st_mode) == 0o700
    code, rest = gateway.end()
    assert (code, rest) == (0, "")
    assert not run.exists()
    assert "Traceback" not in gateway.errors.read_text()


@modes
def test_the_last_requests_are_in_the_log_after_the_end(start, config, tmp_path, mode):
    gateway = start(*MODES[mode])
    with gateway.client() as client:
        ids = {
            client.post("/v1/chat/completions", json=ASK).headers["x-gateway-request-id"] for _ in range(5)
        }
    gateway.end()
    from ferrogate.store import open_store

    store = open_store(tmp_path / "data", {})
    with store.database.read() as connection:
        found = {row[0] for row in connection.exec_driver_sql("SELECT request_id FROM requests")}
    store.close()
    assert ids <= found


@modes
def test_a_running_request_outlives_the_signal(start, config, provider, mode):
    gateway = start(*MODES[mode])
    answers: list[httpx.Response] = []

    def ask() -> None:
        with gateway.client() as client:
            answers.append(client.post("/v1/chat/completions", json={"model": "up/slow"}))

    thread = threading.Thread(target=ask)
    thread.start()
    assert provider.waiting.wait(30)
    gateway.process.send_signal(signal.SIGTERM)
    until(lambda: "draining" in gateway.errors.read_text())
    assert gateway.process.poll() is None
    provider.release.set()
    thread.join(30)
    assert (gateway.process.wait(30), answers[0].status_code) == (0, 200)


@modes
def test_a_second_interrupt_ends_at_once(start, config, provider, tmp_path, mode):
    gateway = start(*MODES[mode])
    stuck = socket.create_connection(("127.0.0.1", int(gateway.url.rpartition(":")[2])))
    body = b'{"model":"up/slow"}'
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n"
    stuck.sendall(head % len(body) + body)
    assert provider.waiting.wait(30)
    gateway.process.send_signal(signal.SIGINT)
    until(lambda: "draining" in gateway.errors.read_text())
    code, _ = gateway.end(signal.SIGINT)
    stuck.close()
    assert code == 130
    assert not (tmp_path / "data" / "run.json").exists()
    assert "Traceback" not in gateway.errors.read_text()


@modes
def test_the_file_is_read_again_when_it_changes(start, config, provider, mode):
    gateway = start(*MODES[mode])
    with gateway.client() as client:

        def key() -> str:
            return client.post("/v1/chat/completions", json=ASK).headers["x-gateway-key"]

        assert key() == "a"
        write_config(config, provider, "second")
        until(lambda: key() == "second")
        config.write_text("providers: {up: {kind: nonsense}}")
        until(lambda: "was not reloaded" in gateway.errors.read_text())
        assert key() == "second"
        write_config(config, provider, "third")
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: key() == "third")


@modes
def test_a_wide_bind_asks_for_credentials_and_prints_them_once(start, config, mode):
    gateway = start("--host", "0.0.0.0", *MODES[mode])
    assert gateway.first.startswith("listening on http://0.0.0.0:")
    assert gateway.second.startswith("dashboard: http://127.0.0.1:")
    assert gateway.process.stdout is not None
    token = gateway.process.stdout.readline().strip().removeprefix("admin token: ")
    key = gateway.process.stdout.readline().strip().removeprefix("gateway key: ")
    gateway.url = gateway.second.removeprefix("dashboard: ").rstrip("/")
    with gateway.client() as client:

        def statuses(credential: str) -> tuple[int, int]:
            headers = {"authorization": f"Bearer {credential}"}
            asked = client.post("/v1/chat/completions", json=ASK, headers=headers)
            return asked.status_code, client.get("/api/v1/keys", headers=headers).status_code

        assert statuses("nonsense") == (401, 401)
        assert statuses(token) == (401, 200)
        assert statuses(key) == (200, 401)
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
        assert client.get("/metrics").status_code == 401
    assert gateway.end()[1] == ""
    again = start("--host", "0.0.0.0", *MODES[mode])
    assert again.end()[1] == ""


def test_given_credentials_are_not_printed(start, config):
    env = {"GATEWAY_ADMIN_TOKEN": "a-token-of-mine", "GATEWAY_KEY": "a-key-of-mine"}
    gateway = start("--host", "0.0.0.0", env=env)
    gateway.url = gateway.second.removeprefix("dashboard: ").rstrip("/")
    with gateway.client(headers={"authorization": "Bearer a-key-of-mine"}) as client:
        assert client.post("/v1/chat/completions", json=ASK).status_code == 200
    assert gateway.end()[1] == ""


def test_a_data_folder_has_one_gateway(start, config):
    first = start()
    second = start()
    assert (second.first, second.process.wait(30)) == ("", 1)
    said = second.errors.read_text()
    assert "error: a gateway runs on the data folder" in said
    assert "Traceback" not in said
    with first.client() as client:
        assert client.get("/readyz").status_code == 200


def test_a_killed_gateway_leaves_its_folder_usable(start, config):
    first = start()
    first.end(signal.SIGKILL)
    second = start()
    with second.client() as client:
        assert client.post("/v1/chat/completions", json=ASK).status_code == 200


@modes
def test_a_taken_port_is_a_sentence(start, config, tmp_path, mode):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [
            sys.executable,
            "-m",
            "ferrogate",
            "serve",
            "--data",
            "other",
            "--port",
            port,
            *MODES[mode],
        ]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_named_file_must_exist(tmp_path):
    command = [sys.executable, "-m", "ferrogate", "serve", "--port", "0", "--config", "missing.yaml"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "missing.yaml" in ended.stderr
    assert "Traceback" not in ended.stderr


@modes
def test_the_embedded_mock_answers_without_a_key(start, mode):
    gateway = start("--mock", *MODES[mode])
    with gateway.client() as client:
        answer = client.post(
            "/openai/v1/chat/completions",
            json={"model": "mock/echo", "messages": [{"role": "user", "content": "hello"}]},
        )
        assert answer.status_code == 200
        assert answer.json()["object"] == "chat.completion"
        assert "mock/echo" in [model["id"] for model in client.get("/v1/models").json()["data"]]


@modes
def test_a_cut_stream_ends_abnormally(start, mode):
    gateway = start("--mock", *MODES[mode])
    body = {"model": "mock/echo", "stream": True, "messages": [{"role": "user", "content": "hello " * 50}]}
    received = bytearray()

    def read(client: httpx.Client) -> None:
        headers = {"x-mock-cut-after": "3"}
        with client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
            for part in answer.iter_raw():
                received.extend(part)

    with gateway.client() as client, pytest.raises(httpx.RemoteProtocolError):
        read(client)
    assert b'"code":"upstream_cut"' in received
    assert b"[DONE]" not in received
    gateway.end()
    assert gateway.errors.read_text().count("ERROR") == 0


def test_without_the_control_plane_inference_goes_on(tmp_path, config, monkeypatch):
    """The control plane's server task ends by a fault; the native listener serves on and says so."""
    script = """
import asyncio, sys
from pathlib import Path
from ferrogate import app
from ferrogate.doors import server
async def fail_later(self):
    await asyncio.sleep(1.0)
    raise RuntimeError("a fault")
server.Server.main_loop = fail_later
sys.exit(app.serve(Path("gateway.yaml"), {"server.port": 0, "server.data": "data"}))
"""
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    url = process.stdout.readline().strip().removeprefix("listening on ")
    try:
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            until(lambda: client.get("/api/v1/keys").status_code == 503)
            assert client.get("/api/v1/keys").json()["error"]["code"] == "control_plane_down"
            assert client.post("/v1/chat/completions", json=ASK).status_code == 200
            assert "without" in client.get("/readyz").text
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert "inference goes on" in (tmp_path / "log").read_text()
