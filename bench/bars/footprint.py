"""How long the gateway takes to start, and what it weighs in memory and on disk."""

from __future__ import annotations

import subprocess
import tempfile
import time
import venv
from pathlib import Path
from statistics import median

from ferrogate.cli.bench import servers
from ferrogate.cli.bench.compare import Tell
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.processes import memory_bytes, wait_idle

from .registry import Pace, Part, Settings, Step
from .report import Bar, Findings
from .runs import MB, ask


def startup(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """Seconds from starting the process to the whole first answer, on a data folder that exists."""
    runs = settings.pace.rounds
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


def memory(lab: Lab, settings: Settings, tell: Tell) -> Findings:
    """Resident memory of all processes of an idle gateway, ``seconds`` after it answered a request."""
    tell("memory: idle gateway")
    server = lab.add(servers.start_gateway("native", lab.folder, lab.mock.url, name="idle"))
    ask(server.url)
    time.sleep(settings.pace.seconds)
    wait_idle(server.pids)
    resident, proportional = memory_bytes(server.pids)
    detail = f"PSS {proportional / MB:.0f} MB" if proportional else ""
    return Findings(bars=[Bar("gateway serve, idle memory (RSS)", resident / MB, "MB", 120.0, detail)])


def wheel(_: Lab, settings: Settings, tell: Tell) -> Findings:
    """Size of the newest wheel, and of an environment that it is installed into."""
    dist = settings.dist
    wheels = sorted(dist.glob("ferrogate-*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        note = f"no wheel in {dist.name}/: `make wheel` builds one"
        return Findings(
            bars=[Bar("wheel", None, "MB", 20.0), Bar("install", None, "MB", 150.0)], notes=[note]
        )
    newest = wheels[-1]
    tags = "-".join(newest.stem.split("-")[2:])
    found = Findings(bars=[Bar("wheel", newest.stat().st_size / MB, "MB", 20.0, tags)])
    if settings.install and not settings.quick:
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
        ask(server.url)
        return time.perf_counter() - begun
    finally:
        server.stop()


PART = Part(
    "footprint",
    "start, idle memory, wheel, install",
    {
        "start": Step(startup, Pace(rounds=10, seconds=0.0, warmup=0.0), lambda pace: 4 + 3 * pace.rounds),
        "idle": Step(memory, Pace(rounds=1, seconds=5.0, warmup=0.0), lambda pace: 4 + pace.seconds),
        "wheel": Step(wheel, Pace(rounds=1, seconds=0.0, warmup=0.0), lambda _: 30),
    },
)
