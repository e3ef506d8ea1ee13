"""``python -m bench.index``: the index beside hnswlib, on one core each, taking turns.

python -m bench.index                      10,000 and 100,000 entries, written to bench/results
python -m bench.index --entries 1000 4000  where a scan and a walk through the graph take equally long

It needs hnswlib and numpy, and builds ``rust/index``'s example in release. What is generated: bench/index/data.py.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .data import generate
from .machine import facts
from .sides import Hnswlib, Rust, Side, build

RESULTS = Path(__file__).parent.parent / "results"
EFS = [10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 72, 80, 88, 96, 112, 128, 160, 192, 256, 384, 512]
RECALL = 0.99
RATIO = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.index", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--breadth", type=int, default=40, help="of a graph of 10,000 entries (the default's)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--name", default="index", help="of the file, after the date")
    options = parser.parse_args()

    example = build()
    before = facts()
    sizes = [compare(example, entries, options) for entries in options.entries]
    report = {"machine": before, "load_after": facts()["load"], "options": vars(options) | {"out": None}, "sizes": sizes}
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / f"{datetime.now(UTC):%Y-%m-%d}-{options.name}.json"
    file.write_text(json.dumps(report, indent=1) + "\n")
    print(file)
    judged = [size for size in sizes if size["entries"] >= 10_000]
    if any(size["ratio"] > RATIO or size["graph"]["recall"] < RECALL for size in judged):
        sys.exit(1)


def compare(example: Path, entries: int, options: argparse.Namespace) -> dict[str, Any]:
    """Medians over the rounds of the median search, and recall of the nearest."""
    data = generate(entries, options.queries, options.seed)
    with TemporaryDirectory() as folder:
        data.entries.tofile(Path(folder) / "entries.f32")
        data.queries.tofile(Path(folder) / "queries.f32")
        graph = Rust(example, folder, options.breadth)
        scan = Rust(example, folder, options.breadth, "scan")
        peer = Hnswlib(data)
        sides: dict[str, Side] = {"graph": graph, "scan": scan, "hnswlib": peer}
        wanted = recall(graph, data.nearest)
        for ef in EFS:
            peer.ef = ef
            if recall(peer, data.nearest) >= wanted:
                break
        rounds: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(options.rounds):
            for name, side in sides.items():
                rounds[name].append(statistics.median(side.search().us))
        found = {name: summary(side, rounds[name], data.nearest) for name, side in sides.items()}
        graph.end()
        scan.end()
    pairs = [ours / (theirs - peer.call_us) for ours, theirs in zip(rounds["graph"], rounds["hnswlib"], strict=True)]
    result = {"entries": entries, "ratio": statistics.median(pairs), "ratios": pairs, "hnswlib_ef": peer.ef}
    result |= {"hnswlib_call_us": peer.call_us, **found}
    for name, side in found.items():
        print(f"{entries:7} {name:8} p50 {side['p50_us']:8.1f} us, recall {side['recall']:.4f}, built in {side['build_s']:.1f} s")
    print(f"{entries:7} graph / (hnswlib at ef {peer.ef}, less {peer.call_us:.1f} us for the call) {result['ratio']:.2f}", flush=True)
    return result


def recall(side: Side, nearest: Any) -> float:
    """How often the nearest is found."""
    return float((side.search().found == nearest).mean())


def summary(side: Side, medians: list[float], nearest: Any) -> dict[str, Any]:
    last = side.search()
    return {
        "p50_us": statistics.median(medians),
        "p50s_us": medians,
        "p99_us": statistics.quantiles(last.us, n=100)[98],
        "recall": float((last.found == nearest).mean()),
        "build_s": side.build_s,
    }


if __name__ == "__main__":
    main()
