"""``python -m bench.chaos``: everything goes wrong at once, and the books must balance.

python -m bench.chaos                              ten minutes, a seed of its own
python -m bench.chaos --seconds 30 --seed 7        the same decisions again
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from pathlib import Path

from ferrogate.errors import FerrogateError

from .run import Options, chaos, progress, summary


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=None, help="instead of --minutes")
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, which is printed")
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--door", choices=["native", "uvicorn"], default="native")
    parser.add_argument("--out", type=Path, default=None, help="write the figures to this file as JSON")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    seconds = 60 * asked.minutes if asked.seconds is None else asked.seconds
    seed = secrets.randbelow(10**6) if asked.seed is None else asked.seed
    progress(f"seed {seed}")
    try:
        report = chaos(Options(seconds, seed, asked.door, asked.clients), progress)
    except KeyboardInterrupt:
        return 130
    except (FerrogateError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    figures = summary(report)
    if asked.out is not None:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    for violation in report.violations[:20]:
        print(violation, file=sys.stderr)
    del figures["violations"]
    print(json.dumps(figures, indent=1))
    print(f"{len(report.violations)} violations, seed {seed}", file=sys.stderr)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
