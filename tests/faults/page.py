"""Writes ``docs/faults.md`` from the tables of faults; ``--check`` compares and fails where it is old."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER.parents[1] / "docs" / "faults.md"

INTRODUCTION = """\
# Faults

What goes wrong, and what everybody sees of it. Every row is a test (`tests/faults/`), and this page is made
from their table by `make faults-page`: change it there. Codes are those of [errors.md](errors.md). "Next
lane" means that the next key or target is tried while the client has seen nothing; with none left the
client gets what stands here. The native door runs every row; where the others differ, the row says how.
*asgi* is both of them: uvicorn in front of the Rust engine, and the Python engine.
"""


sys.path[:0] = [str(FOLDER), str(FOLDER.parent)]
matrix = importlib.import_module("matrix")


def faults() -> list[object]:
    """All rows, in the order of the tables."""
    modules = [importlib.import_module(path.stem) for path in sorted(FOLDER.glob("*_table.py"))]
    return [fault for module in modules for fault in module.FAULTS]


def render(rows: Iterable[object]) -> str:
    """Give the page."""
    lines = [INTRODUCTION]
    for (side, group), members in groupby(rows, key=lambda fault: (fault.side, fault.group)):
        lines += [f"\n## {side.capitalize()}: {group}\n"]
        lines += ["| fault | client sees | tried again | log |", "|---|---|---|---|"]
        for fault in members:
            seen = "no answer" if fault.status is None else str(fault.status)
            seen += f" `{fault.code}`" if fault.code else ""
            row = "no row" if fault.row is None else fault.row + (f" `{fault.error}`" if fault.error else "")
            others = "".join(f"<br>*{door}:* {text}" for door, text in fault.doors.items())
            lines.append(f"| {fault.what} | {seen}. {fault.answer}{others} | {fault.retried} | {row} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write or compare."""
    rows = faults()
    text = render(rows) + matrix.render(row for row in rows if row.side == "upstream")
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write("docs/faults.md is old: run `make faults-page`\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
