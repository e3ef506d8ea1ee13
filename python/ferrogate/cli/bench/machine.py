"""What the figures were measured on, without which they mean nothing."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from ferrogate.cli.bench.servers import find_nginx
from ferrogate.errors import FerrogateError

__all__ = ["DebugBuildError", "check_build", "facts"]

_PACKAGES = (
    "ferrogate",
    "uvicorn",
    "httptools",
    "uvloop",
    "fastapi",
    "starlette",
    "httpx",
    "orjson",
    "aiohttp",
)
_MEASURABLE = ("release", "dist")


class DebugBuildError(FerrogateError):
    """The extension is not an optimised build, so its figures would be false."""


def build() -> dict[str, Any]:
    """Version, profile and git hash of the extension."""
    from ferrogate.engine.facade import build_info

    return dict(build_info())


def check_build(*, allow_debug: bool) -> str | None:
    """None for an optimised build; else an error, or the warning to print where debug builds are allowed."""
    profile = str(build().get("profile"))
    if profile in _MEASURABLE:
        return None
    text = f"the extension is built with profile {profile!r}: its figures say nothing about a release"
    if not allow_debug:
        raise DebugBuildError(
            f"{text}. Build it with `make setup`, or pass --allow-debug to try the bench itself."
        )
    return f"{text}. Do not quote them."


def facts() -> dict[str, Any]:
    """Processor, memory, system, versions and build, and how busy the machine was already."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(logical=True),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "arch": platform.machine(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "nginx": _nginx_version(),
        "packages": _versions(),
        "build": build(),
        "load_before": [round(value, 2) for value in os.getloadavg()],
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _nginx_version() -> str | None:
    program = find_nginx()
    if program is None:
        return None
    told = subprocess.run([program, "-v"], capture_output=True, text=True, check=False)  # noqa: S603 - asks a version
    return told.stderr.strip().removeprefix("nginx version: ") or None


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
