"""How long the gateway takes to start, and what it weighs in memory and on disk."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
import urllib.request
import venv
from pathlib import Path
from statistics import median

from ferrogate.cli.bench import servers
from ferrogate.cli.bench.compare import Tell
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.processes import memory_bytes, wait_idle

from .report import Bar, Findings

MB = 1_000_000


def startup(lab: Lab, runs: int, tell: Tell) -> Findings:
    """Seconds from starting the process to the whole first answer, on a data folder that exists."""
    tell("startup: making the data folder")
    mock = lab.mock.url
    lab.script({})
    _start_and_ask(lab, mock)
    spent = []
    for number in range(runs):
        tell(f"startup: {number + 1} of {runs}")
        spent.append(_start_and_ask(lab, mock))
    detail = f"range {min(spent):.2f} to {max(spent):.2f} in {runs} starts"
    return Findings(bars=[Bar("gateway serve, start to first answer", median(spent), "s", 1.5, detail)])


def memory(lab: Lab, tell: Tell, wait: float = 5.0) -> Findings:
    """Resident memory of all processes of an idle gateway that has answered a request."""
    tell("memory: idle gateway")
    server = lab.add(servers.start_gateway("native", lab.folder, lab.mock.url, name="idle"))
    _ask(server.url)
    time.sleep(wait)
    wait_idle(server.pids)
    resident, proportional = memory_bytes(server.pids)
    detail = f"PSS {proportional / MB:.0f} MB" if proportional else ""
    return Findings(bars=[Bar("gateway serve, idle memory (RSS)", resident / MB, "MB", 120.0, detail)])


def wheel(dist: Path, tell: Tell, *, install: bool = True) -> Findings:
    """Size of the newest wheel in ``dist``, and of an environment that it is installed into."""
    wheels = sorted(dist.glob("ferrogate-*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        note = f"no wheel in {dist.name}/: `make wheel` builds one"
        return Findings(
            bars=[Bar("wheel", None, "MB", 20.0), Bar("install", None, "MB", 150.0)], notes=[note]
        )
    newest = wheels[-1]
    tags = "-".join(newest.stem.split("-")[2:])
    found = Findings(bars=[Bar("wheel", newest.stat().st_size / MB, "MB", 20.0, tags)])
    if install:
        tell("install: into an empty environment")
        found.bars.append(_install(newest))
    return found


def _install(package: Path) -> Bar:
    name = "install, with its dependencies"
    with tempfile.TemporaryDirectory(prefix="ferrogate-bench-") as folder:
        venv.create(folder, with_pip=True)
        before = _weight(Path(folder))
        python = Path(folder) / "bin" / "python"
        command = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            str(package),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return Bar(name, None, "MB", 150.0, "pip could not install it")
        return Bar(name, (_weight(Path(folder)) - before) / MB, "MB", 150.0, "compiled bytecode included")


def _weight(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _start_and_ask(lab: Lab, mock: str) -> float:
    begun = time.perf_counter()
    server = servers.start_gateway("native", lab.folder, mock, name="startup")
    try:
        _ask(server.url)
        return time.perf_counter() - begun
    finally:
        server.stop()


def _ask(url: str) -> None:
    body = json.dumps({"model": "mock/echo", "messages": [{"role": "user", "content": "hello"}]}).encode()
    request = urllib.request.Request(
        f"{url}/v1/chat/completions", data=body, headers={"content-type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        if "choices" not in json.load(answer):
            raise servers.ServerError("the first answer is not a chat completion")
