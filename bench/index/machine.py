"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

SHOWN = {"avx2", "fma", "avx512f", "avx512_vnni"}


def facts() -> dict[str, Any]:
    """Processor, load and versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    cpu = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    rustc = subprocess.run(["rustc", "--version"], check=True, stdout=subprocess.PIPE, text=True)
    return {
        "processor": cpu.get("model name", platform.processor()),
        "instructions": sorted(SHOWN & set(cpu.get("flags", "").split())),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "system": platform.platform(),
        "rust": rustc.stdout.strip(),
        "python": platform.python_version(),
        "hnswlib": version("hnswlib"),
    }
