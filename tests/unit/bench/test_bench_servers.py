from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from ferrogate.cli.bench import processes, servers
from ferrogate.cli.bench.lab import Lab, lab
from ferrogate.cli.bench.processes import cpu_seconds, memory_bytes, tree, wait_idle
from ferrogate.cli.bench.servers import Server, ServerError

SERVER = """
import http.server, json, os, pathlib, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        pathlib.Path("script.json").write_text(json.dumps({"path": self.path, "body": json.loads(body)}))
        self.send_response(204)
        self.end_headers()
    def log_message(self, *parts):
        pass
pathlib.Path("environment.json").write_text(json.dumps(dict(os.environ)))
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
print("and more", flush=True)
server.serve_forever()
"""


def start(folder: Path, name: str = "fake") -> Server:
    return servers.start(name, [sys.executable, "-c", SERVER], folder)


def test_a_server_is_found_by_what_it_prints_and_ended(tmp_path: Path) -> None:
    server = start(tmp_path)
    assert server.url.startswith("http://127.0.0.1:")
    assert [process.pid for process in tree(server.pids)] == [server.process.pid]
    server.stop()
    server.stop()
    assert server.process.returncode is not None
    assert tree(server.pids) == []


def test_a_server_that_fails_says_why(tmp_path: Path) -> None:
    program = "import sys; print('port is taken', file=sys.stderr); sys.exit(3)"
    with pytest.raises(ServerError, match=r"broken did not come up(.|\n)*port is taken"):
        servers.start("broken", [sys.executable, "-c", program], tmp_path)


def test_a_server_that_never_listens_is_ended(tmp_path: Path) -> None:
    program = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with pytest.raises(ServerError, match="did not come up"):
        servers.start("mute", [sys.executable, "-c", program], tmp_path, patience=0.5)
    assert not psutil.pid_exists(int((tmp_path / "mute.out").read_text()))


def test_nobodys_keys_reach_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    monkeypatch.setenv("HF_TOKEN", "hf_real")
    monkeypatch.setenv("GATEWAY_PORT", "9")
    monkeypatch.setenv("KEPT", "1")
    start(tmp_path).stop()
    seen = json.loads((tmp_path / "environment.json").read_text())
    assert seen["KEPT"] == "1"
    assert not {"OPENAI_API_KEY", "HF_TOKEN", "GATEWAY_PORT"} & set(seen)


def test_a_lab_leaves_nothing_behind() -> None:
    seen: list[Server] = []

    def work() -> None:
        with lab() as room:
            seen.extend([room.add(start(room.folder)), room.add(start(room.folder, "other"))])
            assert room.folder.is_dir()
            folders.append(room.folder)
            raise KeyboardInterrupt

    folders: list[Path] = []
    with pytest.raises(KeyboardInterrupt):
        work()
    assert all(server.process.returncode is not None for server in seen)
    assert not folders[0].exists()


def test_one_mock_is_started_once_and_scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "start_mock", lambda folder, *_: start(folder, "mock"))
    with lab() as room:
        assert room.server("direct") is room.mock
        room.script({"chunks": 3})
        told = json.loads((room.folder / "script.json").read_text())
    assert told == {"path": "/_mock/keys/sk-bench", "body": {"chunks": 3}}


@pytest.mark.skipif(servers.find_nginx() is None, reason="nginx is not installed")
def test_nginx_takes_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "start_mock", lambda folder, *_: start(folder, "mock"))
    with lab() as room:
        nginx = room.server("nginx")
        text = (room.folder / "nginx" / "nginx.conf").read_text()
        assert room.mock.url.removeprefix("http://") in text
        assert "@" not in text.split("events", 1)[1]
        deadline = time.monotonic() + 10
        while len(tree(nginx.pids)) != 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(tree(nginx.pids)) == 2, "one master and one worker"
    assert nginx.process.returncode == 0


def test_the_committed_nginx_configuration_is_the_one_that_runs() -> None:
    root = Path(__file__).parents[3]
    packaged = root / "python" / "ferrogate" / "cli" / "bench" / "nginx.conf"
    assert (root / "bench" / "nginx.conf").resolve() == packaged.resolve()


def test_a_busy_process_is_told_from_an_idle_one() -> None:
    program = "import sys\nsys.stdin.readline()\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as process:
        try:
            assert wait_idle([process.pid], bound=30, probe=0.2)
            resident, _ = memory_bytes([process.pid])
            assert resident > 1_000_000
            assert process.stdin
            process.stdin.write(b"go\n")
            process.stdin.flush()
            while cpu_seconds([process.pid]) < 0.3:
                time.sleep(0.01)
            assert not wait_idle([process.pid], bound=0.5, probe=0.2)
        finally:
            process.kill()
    assert cpu_seconds([process.pid]) == 0


def test_a_lab_is_usable_outside_the_main_thread() -> None:
    rooms: list[Lab] = []

    def work() -> None:
        with lab() as room:
            rooms.append(room)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(rooms) == 1


def test_as_many_files_as_the_system_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"now": (256, 20_000)}
    monkeypatch.setattr(processes.resource, "getrlimit", lambda _: limits["now"])
    monkeypatch.setattr(processes.resource, "setrlimit", lambda _, wanted: limits.update(now=wanted))
    assert processes.raise_file_limit() == 20_000
    assert limits["now"] == (20_000, 20_000)
    limits["now"] = (256, processes.resource.RLIM_INFINITY)
    assert processes.raise_file_limit() == processes.MOST_FILES


def test_a_limit_that_cannot_be_raised_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise ValueError("not allowed")

    monkeypatch.setattr(processes.resource, "getrlimit", lambda _: (256, 20_000))
    monkeypatch.setattr(processes.resource, "setrlimit", refused)
    assert processes.raise_file_limit() == 256
