"""Every kind of error is documented, and provoked by a test that says so."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ferrogate.engine.facade import error_kinds
from ferrogate.reference.errors import STATUS

TESTS = Path(__file__).parents[1]
ERRORS = TESTS.parent / "docs" / "errors.md"
UNPROVOKED = {"internal"}
"""A fault of the gateway itself: there is no known way to cause one."""
COMPILED_ONLY = {"control_plane_down", "no_lane_ready"}
"""The Python engine lives in the control plane's process, and no lane of it waits."""


def marked(path: Path) -> Iterator[str]:
    """The identifiers of the ``kind`` marks in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.kind":
            for argument in node.args:
                assert isinstance(argument, ast.Constant), f"{path}:{node.lineno}: write the identifier out"
                yield str(argument.value)


def test_every_kind_is_provoked_by_a_test() -> None:
    folders = ("contract", "integration", "security", "faults")
    files = [file for folder in folders for file in (TESTS / folder).glob("test_*.py")]
    provoked = {name for file in files for name in marked(file)}
    assert provoked | UNPROVOKED == {kind["id"] for kind in error_kinds()}
    assert not provoked & UNPROVOKED


def test_every_kind_is_documented_with_its_status() -> None:
    documented = dict(re.findall(r"^### `(\w+)` · (.+)$", ERRORS.read_text(), re.MULTILINE))
    kinds = {kind["id"]: kind for kind in error_kinds()}
    assert documented.keys() == kinds.keys()
    for name, status in documented.items():
        assert status in (str(kinds[name]["status"]), "the provider's own"), name


@pytest.mark.parametrize("kind", error_kinds(), ids=lambda kind: kind["id"])
def test_a_kind_says_what_it_is(kind: dict[str, object]) -> None:
    assert set(kind) == {"id", "status", "source", "retry", "summary"}
    assert kind["source"] in ("client", "gateway", "provider")
    assert str(kind["summary"]).endswith(".")
    assert not kind["retry"] or kind["source"] == "provider"


def test_the_python_engine_knows_the_same_kinds() -> None:
    compiled = {kind["id"]: kind["status"] for kind in error_kinds() if kind["id"] not in COMPILED_ONLY}
    assert compiled == STATUS
