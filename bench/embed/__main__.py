"""``python -m bench.embed FOLDER``: the crate beside onnxruntime, with the same weights, one thread each.

Needs ``pip install numpy onnx onnxruntime safetensors tokenizers``, and ``cargo build --release -p
ferrogate-embed --example embed``. The two take turns, call by call, so that a busy machine is busy for
both. Medians of the processor time of the calling thread and of the clock; the ratio is that of the medians
of processor time, on which waiting for the processor does not show. onnxruntime gets word pieces, the crate
splits the text itself. Exits with 1 where a ratio is over the bar.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from .graph import build

ROOT = Path(__file__).parent.parent.parent
BAR = 2.0
QUESTION = "How do I change the billing address of my account before next month?"
FILLER = (
    "A gateway takes requests from many applications and hands them to the providers of language models. "
    "It picks a key and a model, watches how each of them is doing, and tries another one when the first "
    "fails."
)
WORDS = (13, 100)


class Crate:
    """The example of the crate in a process of its own, which measures each call itself."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._process = subprocess.Popen(
            [program, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.about = self._answer()

    def run(self, text: str) -> tuple[float, float, np.ndarray]:
        print(text, file=self._process.stdin, flush=True)
        answer = self._answer()
        return answer["cpu"], answer["wall"], np.array(answer["vector"])

    def memory(self) -> float:
        """What it holds in MB, where the system tells (Linux)."""
        status = Path(f"/proc/{self._process.pid}/status")
        fields = (
            dict(line.split(":", 1) for line in status.read_text().splitlines()) if status.exists() else {}
        )
        return int(fields.get("VmRSS", "0 kB").split()[0]) / 1024

    def _answer(self) -> Any:
        return json.loads(self._process.stdout.readline())


class Onnx:
    """onnxruntime on one thread."""

    def __init__(self, folder: Path, *, fused: bool) -> None:
        description = json.loads((folder / "tokenizer.json").read_text("utf-8"))
        self._tokenizer = Tokenizer.from_str(json.dumps(description | {"padding": None, "truncation": None}))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        config = json.loads((folder / "config.json").read_text("utf-8"))
        model = build(load_file(folder / "model.safetensors"), config, fused=fused)
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def pieces(self, text: str) -> int:
        return len(self._tokenizer.encode(text).ids)

    def run(self, text: str) -> tuple[float, float, np.ndarray]:
        ids = np.array([self._tokenizer.encode(text).ids], np.int32)
        wall, cpu = time.perf_counter(), time.thread_time()
        (vector,) = self._session.run(None, {"ids": ids})
        return time.thread_time() - cpu, time.perf_counter() - wall, vector[0]


def compare(contenders: dict[str, Any], text: str, rounds: int) -> dict[str, Any]:
    """Medians in milliseconds of each, and how near their vectors are."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    vectors = {}
    for index in range(rounds + 5):
        for name, contender in contenders.items():
            cpu, wall, vectors[name] = contender.run(text)
            if index >= 5:
                taken[name].append((cpu * 1e3, wall * 1e3))
    figures = {
        name: {"cpu_ms": median(cpu for cpu, _ in times), "wall_ms": median(wall for _, wall in times)}
        for name, times in taken.items()
    }
    best = min((name for name in figures if name != "crate"), key=lambda name: figures[name]["cpu_ms"])
    return {
        "words": len(text.split()),
        "pieces": contenders[best].pieces(text),
        "rounds": rounds,
        **figures,
        "beside": best,
        "ratio_cpu": figures["crate"]["cpu_ms"] / figures[best]["cpu_ms"],
        "ratio_wall": figures["crate"]["wall_ms"] / figures[best]["wall_ms"],
        "cosine": float(np.dot(vectors["crate"], vectors[best].astype(np.float64))),
    }


def facts() -> dict[str, Any]:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    return {
        "cpu": model or platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "onnxruntime": onnxruntime.__version__,
        "load_before": [round(value, 2) for value in os.getloadavg()],
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.embed", description=__doc__)
    parser.add_argument("folder", type=Path, help="config.json, tokenizer.json, model.safetensors")
    parser.add_argument("--rounds", type=int, default=200, help="calls of each, at 100 words a fourth of it")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--program", type=Path, default=target / "release" / "examples" / "embed")
    options = parser.parse_args()
    machine = facts()
    crate = Crate(options.program, options.folder)
    contenders = {
        "crate": crate,
        "onnxruntime, plain operators": Onnx(options.folder, fused=False),
        "onnxruntime, fused operators": Onnx(options.folder, fused=True),
    }
    texts = [QUESTION, " ".join((FILLER.split() * 5)[: WORDS[1]])]
    results = [
        compare(contenders, text, max(options.rounds // share, 1))
        for text, share in zip(texts, (1, 4), strict=True)
    ]
    about = crate.about | {"memory_mb": round(crate.memory(), 1)}
    json.dump({"machine": machine, "crate": about, "bar": BAR, "results": results}, sys.stdout, indent=1)
    print()
    return int(any(result["ratio_cpu"] > BAR for result in results))


if __name__ == "__main__":
    sys.exit(main())
