"""``python -m bench.soak``: the highest steady load for a while, and whether anything grows.

python -m bench.soak                       20 minutes, written to bench/results
python -m bench.soak --minutes 1           does the soak itself work?
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ferrogate.cli.bench.machine import check_build, facts
from ferrogate.errors import FerrogateError

from .load import Rates
from .report import save
from .run import JUDGED_FROM_S, RETENTION, Options, soak

RESULTS = Path(__file__).parent.parent / "results"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two samples")
    parser.add_argument("--probe", type=float, default=10.0, help="seconds of each search for saturation")
    parser.add_argument(
        "--rates", type=float, nargs=2, metavar=("JSON", "STREAMS"), help="instead of searching"
    )
    parser.add_argument("--log", type=json.loads, default=RETENTION, help="the gateway's `log`, as JSON")
    parser.add_argument("--door", choices=["native", "uvicorn"], default="native")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--name", default="soak", help="of the files, after the date")
    parser.add_argument("--allow-debug", action="store_true", help="try the soak itself on a debug build")
    return parser.parse_args()


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    asked = arguments()
    rates = Rates(*asked.rates) if asked.rates else None
    options = Options(asked.minutes, asked.every, asked.probe, asked.door, rates=rates, log=asked.log)
    try:
        if warning := check_build(allow_debug=asked.allow_debug):
            tell(warning)
        machine = facts()
        found = soak(options, tell)
    except KeyboardInterrupt:
        return 130
    except (FerrogateError, OSError) as error:
        tell(f"error: {error}")
        return 1
    path = save(found, machine, asked.out, asked.name)
    for name, verdict in found.verdicts.items():
        tell(
            f"{name:10} {verdict.level:>15,.0f} grew {verdict.growth:>+14,.0f} bound {verdict.bound:>13,.0f}"
        )
    if found.series.seconds[-1] < JUDGED_FROM_S:
        tell(f"under {JUDGED_FROM_S:.0f} s growth is shown, not judged")
    for problem in found.problems:
        tell(f"PROBLEM: {problem}")
    tell(f"written to {path}")
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
