"""``python -m bench.bars``: measure the bars and write them down under bench/results/.

python -m bench.bars                                  all of them, by the full method (about an hour)
python -m bench.bars proxy --rounds 3 --seconds 5     the native door beside nginx, shorter
python -m bench.bars footprint                        start, memory, wheel, install
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from ferrogate.cli.bench.compare import Plan, Tell
from ferrogate.cli.bench.lab import Lab, lab
from ferrogate.cli.bench.machine import check_build, facts
from ferrogate.cli.bench.screen import progress_screen
from ferrogate.errors import FerrogateError

from . import doors, footprint, proxy
from .report import Findings, page, save

ROOT = Path(__file__).parent.parent.parent

Part = Callable[[Lab, Tell], Findings]


def parts(options: argparse.Namespace) -> dict[str, list[Part]]:
    plan = Plan([], [], rounds=options.rounds, duration=options.seconds, warmup=options.warmup)
    return {
        "proxy": [
            lambda room, tell: proxy.json_requests(room, plan, tell),
            lambda room, tell: proxy.streams(room, plan, tell),
        ],
        "doors": [
            lambda room, tell: doors.json_requests(room, plan, tell),
            lambda room, tell: doors.streams(room, plan, tell),
        ],
        "footprint": [
            lambda room, tell: footprint.startup(room, options.starts, tell),
            lambda room, tell: footprint.memory(room, tell),
            lambda _, tell: footprint.wheel(options.dist, tell, install=not options.no_install),
        ],
    }


def method(options: argparse.Namespace) -> str:
    return (
        "One engine thread, one nginx worker, log and metrics on. The servers take turns "
        f"{options.rounds} times for {options.seconds:g} s after {options.warmup:g} s of warm-up, at 60 % of "
        "the slower one's maximum and at saturation; a ratio is the median of the ratios of the rounds. "
        "See docs/bench.md."
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.bars", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="proxy, doors, footprint; default: all")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run")
    parser.add_argument("--warmup", type=float, default=5.0)
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where the wheel is")
    parser.add_argument("--no-install", action="store_true", help="do not install the wheel to weigh it")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results")
    parser.add_argument("--name", default=None, help="of the files, after the date; default: the parts")
    parser.add_argument("--allow-debug", action="store_true", help="try the bench itself on a debug build")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    known = parts(options)
    chosen = options.parts or list(known)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        print(f"error: {', '.join(unknown)}: the parts are {', '.join(known)}", file=sys.stderr)
        return 2
    screen = Console(stderr=True)
    findings = Findings()
    try:
        warning = check_build(allow_debug=options.allow_debug)
        machine = facts()
        with progress_screen(screen) as tell:
            for name in chosen:
                for part in known[name]:
                    findings.add(attempt(part, name, tell))
    except KeyboardInterrupt:
        print("ended", file=sys.stderr)
        return 130
    except (FerrogateError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    text = page("Bars", machine, findings, method(options), warning)
    name = options.name or "-".join(chosen)
    shape = {"rounds": options.rounds, "seconds": options.seconds, "warmup": options.warmup}
    target = save(options.out, name, machine, findings, text, method=shape, publishable=warning is None)
    Console().print(Markdown(text))
    print(f"written to {target}", file=sys.stderr)
    return 1 if findings.failed or any(bar.verdict == "MISSED" for bar in findings.bars) else 0


def attempt(part: Part, name: str, tell: Tell) -> Findings:
    """Run one part in a lab of its own; where it cannot be measured, the figures of the others are kept."""
    try:
        with lab() as room:
            return part(room, tell)
    except (FerrogateError, OSError) as error:
        return Findings(notes=[f"{name} was not measured to its end: {error}"], failed=True)


if __name__ == "__main__":
    sys.exit(main())
