"""``python -m bench.index``: the index beside hnswlib, one thread each, taking turns.

python -m bench.index                           10,000 and 100,000 entries, written to bench/results
python -m bench.index --entries 1000 2000 4000  where a scan and a walk through the graph take equally long

It needs hnswlib and numpy, and builds the examples of ``rust/index`` in release. What is generated: data.py.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .data import DIMENSIONS, generate
from .machine import facts
from .sides import Hnswlib, Rust, Side, build

RESULTS = Path(__file__).parent.parent / "results"
EFS = [10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 72, 80, 88, 96, 112, 128, 160, 192, 256, 384, 512]
JUDGED_FROM = 10_000
RECALL = 0.99
RATIO = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.index",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--entries", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--breadth", type=int, default=40, help="of a graph of 10,000 entries")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--name", default="index", help="of the file, after the date")
    options = parser.parse_args()

    build()
    machine = facts()
    sizes = [compare(entries, options) for entries in options.entries]
    shown = {name: value for name, value in vars(options).items() if name not in ("out", "name")}
    report = {"machine": machine, "load_after": facts()["load"], "options": shown, "sizes": sizes}
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / f"{datetime.now(UTC):%Y-%m-%d}-{options.name}.json"
    file.write_text(json.dumps(report, indent=1) + "\n")
    print(file)
    judged = [size for size in sizes if size["entries"] >= JUDGED_FROM]
    if any(size["ratio"] > RATIO or size["graph"]["recall"] < RECALL for size in judged):
        sys.exit(1)


def compare(entries: int, options: argparse.Namespace) -> dict[str, Any]:
    """Medians over the rounds of each round's median search, and how often the nearest was found."""
    data = generate(entries, options.queries, options.seed)
    with TemporaryDirectory() as folder:
        data.entries.tofile(Path(folder) / "entries.f32")
        data.queries.tofile(Path(folder) / "queries.f32")
        store = kept(folder)
        graph = Rust(folder, options.breadth)
        scan = Rust(folder, options.breadth, "scan")
        peer = Hnswlib(data)
        sides: dict[str, Side] = {"graph": graph, "scan": scan, "hnswlib": peer}
        wanted = recall(graph, data.nearest)
        for ef in EFS:
            peer.ef = ef
            if recall(peer, data.nearest) >= wanted:
                break
        medians: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(options.rounds):
            for name, side in sides.items():
                medians[name].append(statistics.median(side.search().us))
        found = {name: summary(side, medians[name], data.nearest) for name, side in sides.items()}
        graph.end()
        scan.end()
    ratios = [
        ours / (theirs - peer.call_us)
        for ours, theirs in zip(medians["graph"], medians["hnswlib"], strict=True)
    ]
    ratio = statistics.median(ratios)
    tell(entries, found, store, f"{ratio:.2f} of hnswlib at ef {peer.ef}, less {peer.call_us:.1f} us a call")
    return {
        "entries": entries,
        "cosines": dict(zip(("1%", "50%", "99%"), data.percentiles(1, 50, 99), strict=True)),
        "ratio": ratio,
        "ratios": ratios,
        "hnswlib_ef": peer.ef,
        "hnswlib_call_us": peer.call_us,
        "store": store,
        **found,
    }


def kept(folder: str) -> dict[str, Any]:
    """Cold start, and searches beside changes, of a store with these entries."""
    answer = subprocess.run(
        [build("store"), folder, str(DIMENSIONS)], check=True, stdout=subprocess.PIPE
    ).stdout
    result: dict[str, Any] = json.loads(answer)
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


def tell(entries: int, found: dict[str, dict[str, Any]], store: dict[str, Any], ratio: str) -> None:
    print(f"{entries} entries")
    for name, side in found.items():
        times = f"p50 {side['p50_us']:8.1f} us  p99 {side['p99_us']:8.1f} us"
        print(f"  {name:8} {times}  recall {side['recall']:.4f}  built in {side['build_s']:.1f} s")
    print(f"  graph    {ratio}")
    print(f"  store    opens in {store['open_s']:.2f} s, graph whole after {store['settled_s']:.1f} s")
    for name in ("fresh", "whole", "busy"):
        median, most = store[f"{name}_us"]
        print(f"  {name:8} p50 {median:8.1f} us  p99 {most:8.1f} us", flush=True)


if __name__ == "__main__":
    main()
