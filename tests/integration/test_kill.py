"""kill -9 under load, by the runner of the bars, a few times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CYCLES = 2


def test_every_answered_request_is_in_the_log_exactly_once_after_a_kill(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.bars", "kill", "--rounds", str(CYCLES), "--seconds", "1"]
    command += ["--allow-debug", "--out", str(tmp_path), "--name", "kill"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (report,) = tmp_path.glob("*kill.json")
    bars = json.loads(report.read_text())["bars"]
    assert [(bar["value"], bar["verdict"]) for bar in bars] == [(0, "met")] * 3
    assert f"in {CYCLES} kills" in bars[0]["detail"]
