"""SECURITY.md names the tests that show what it says; they are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def rows() -> list[list[str]]:
    """The table's cells, by row."""
    text = (ROOT / "SECURITY.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines][1:]


def test_every_threat_has_a_counter_and_a_test() -> None:
    table = rows()
    assert len(table) > 15
    for row in table:
        assert len(row) == 3, row
        named = re.findall(r"`([^`]+)`", row[2])
        assert named, row
        for name in named:
            target = name.removeprefix("make ")
            is_verb = re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
            assert (ROOT / "tests" / f"{target}.py").is_file() or is_verb, name


def test_every_security_test_is_named() -> None:
    named = (ROOT / "SECURITY.md").read_text()
    files = {path.stem for path in Path(__file__).parent.glob("test_*.py")} - {Path(__file__).stem}
    assert {name for name in files if f"security/{name}" not in named} == set()
