"""``python -m bench.bars``: measure the bars and write them down under bench/results/.

python -m bench.bars --plan                           the parts, their steps, and how long each takes
python -m bench.bars                                  all of them, by the full method
python -m bench.bars proxy --rounds 3 --seconds 5     the native door beside nginx, shorter
python -m bench.bars proxy.json footprint.idle        single steps
python -m bench.bars crowd --quick --allow-debug      to see that it works; written to .cache/bars/
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from ferrogate.cli.bench.compare import Tell
from ferrogate.cli.bench.lab import lab
from ferrogate.cli.bench.machine import check_build, facts
from ferrogate.cli.bench.processes import raise_file_limit
from ferrogate.cli.bench.screen import progress_screen
from ferrogate.errors import FerrogateError

from .registry import ROOT, Asked, Step, UnknownPartError, choose, find_parts
from .report import Findings, file_stem, in_short, page, save, verdicts

METHOD = (
    "One engine thread, one nginx worker, log and metrics on, each as it ships. Servers take turns; a ratio "
    "or a difference is the median of those of the rounds. See docs/bench.md."
)
QUICK = "a quick run, to see that the bench works: quote nothing of it."


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.bars", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART[.STEP]", help="default: all; --plan lists them")
    parser.add_argument("--plan", action="store_true", help="print what would run and how long it takes")
    parser.add_argument(
        "--rounds", type=int, help="how often the servers take turns; default: the step's own"
    )
    parser.add_argument("--seconds", type=float, help="of each run; default: the step's own")
    parser.add_argument("--warmup", type=float, help="seconds of load before; default: the step's own")
    parser.add_argument("--quick", action="store_true", help="one round of a second, to see that it works")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where the wheel is")
    parser.add_argument("--no-install", action="store_true", help="do not install the wheel to weigh it")
    parser.add_argument("--out", type=Path, help="default: bench/results, and .cache/bars with --quick")
    parser.add_argument("--name", help="of the files, after the date; default: the parts")
    parser.add_argument("--allow-debug", action="store_true", help="try the bench itself on a debug build")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    asked = Asked(
        options.rounds, options.seconds, options.warmup, options.quick, options.dist, not options.no_install
    )
    try:
        steps = choose(find_parts(), options.parts)
    except UnknownPartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.plan:
        show_plan(steps, asked)
        return 0
    screen = Console(stderr=True)
    findings = Findings()
    try:
        warning = check_build(allow_debug=options.allow_debug)
        machine = facts() | {"open_files": raise_file_limit()}
        with progress_screen(screen) as tell:
            for name, step in steps.items():
                findings.add(attempt(name, step, asked, tell))
    except KeyboardInterrupt:
        print("ended", file=sys.stderr)
        return 130
    except (FerrogateError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    doubts = [text for text in (warning, QUICK if asked.quick else None) if text]
    stem = file_stem(options.name or "-".join(dict.fromkeys(name.partition(".")[0] for name in steps)))
    text = page(stem, machine, findings, METHOD, doubts)
    out = options.out or (ROOT / ".cache" / "bars" if asked.quick else ROOT / "bench" / "results")
    target = save(out, stem, machine, findings, text, publishable=not doubts)
    print(verdicts(findings.bars))
    for note in findings.notes:
        print(f"note: {note}")
    print(f"written to {target}", file=sys.stderr)
    return 0 if all(bar.holds for bar in findings.bars) and not findings.failed else 1


def attempt(name: str, step: Step, asked: Asked, tell: Tell) -> Findings:
    """Run one step in a lab of its own; where it cannot be measured, the figures of the others are kept."""
    settings = step.settings(asked)
    tell(f"{name}: {settings.pace}{expected(step, asked)}")
    begun = time.monotonic()
    try:
        with lab() as room:
            found = step.run(room, settings, tell)
    except (FerrogateError, OSError) as error:
        found = Findings(notes=[f"not measured to its end: {in_short(error)}"], failed=True)
    took = time.monotonic() - begun
    found.notes = [f"{name}: {note}" for note in found.notes]
    found.runs[name] = {"pace": str(settings.pace), "took_s": round(took, 1)}
    print(f"{name}: took {took:.0f} s", file=sys.stderr)
    return found


def expected(step: Step, asked: Asked) -> str:
    return "" if step.takes is None else f", about {step.takes(step.settings(asked).pace):.0f} s"


def show_plan(steps: Mapping[str, Step], asked: Asked) -> None:
    for name, step in steps.items():
        print(f"{name:18} {step.settings(asked).pace}{expected(step, asked)}")
    total = sum(step.takes(step.settings(asked).pace) for step in steps.values() if step.takes)
    print(f"{'in all':18} about {total / 60:.0f} min")


if __name__ == "__main__":
    sys.exit(main())
