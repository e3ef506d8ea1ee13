"""The audit of dependencies: what it finds, and that it never takes silence for a pass."""

from __future__ import annotations

import importlib
import json
import os
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def audit() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "scripts"))
    yield importlib.import_module("audit")
    sys.path.remove(str(ROOT / "scripts"))


@pytest.fixture(scope="module")
def policy() -> dict[str, Any]:
    return tomllib.loads((ROOT / "requirements" / "audit.toml").read_text())


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a program on the path that says what it is told."""

    def make(name: str, *, says: str = "", complains: str = "", code: int = 0) -> None:
        program = tmp_path / name
        lines = ["#!/bin/sh", f"cat <<'END'\n{says}\nEND", f"echo '{complains}' >&2", f"exit {code}"]
        program.write_text("\n".join(lines))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return make


def test_the_lock_files_hold_nothing_that_is_known_to_be_bad(
    audit: ModuleType, policy: dict[str, Any]
) -> None:
    assert list(audit.offline(ROOT, policy)) == []
    assert len(audit.pins(ROOT / "requirements" / "base.lock")) > 20


@pytest.mark.parametrize(
    ("version", "is_bad"),
    [
        ("0.15.9", True),
        ("0.9", True),
        ("0.16.0", False),
        ("0.16", False),
        ("1.0", False),
        ("0.16.0rc1", False),
    ],
)
def test_a_version_below_its_floor_is_found(
    audit: ModuleType, policy: dict[str, Any], version: str, is_bad: bool
) -> None:
    found = list(audit.below_floor({("h11", version), ("other", "0")}, policy["floor"]["python"]))
    assert len(found) == is_bad
    assert all("CVE-2025-43859" in line and "0.16.0" in line for line in found)


def test_every_floor_has_a_reason(policy: dict[str, Any]) -> None:
    for rules in policy["floor"].values():
        for name, rule in rules.items():
            assert set(rule) == {"version", "reason"}, name
            assert rule["reason"].startswith(("CVE-", "RUSTSEC-")), name


def test_a_licence_off_the_list_is_found(audit: ModuleType, policy: dict[str, Any]) -> None:
    strict = {**policy["licences"], "allow": ["ISC"]}
    found = list(audit.bad_licences({("uvicorn", "1"), ("not-on-this-platform", "1")}, strict))
    assert found == ["uvicorn 1: licence 'BSD-3-Clause' is not in requirements/audit.toml"]


def test_advisories_of_python_packages(audit: ModuleType, tool: Callable[..., None]) -> None:
    hole = {"id": "PYSEC-1", "fix_versions": ["2.0"]}
    packages = [{"name": "a", "version": "1", "vulns": [hole]}, {"name": "b", "version": "1", "vulns": []}]
    tool("pip-audit", says=json.dumps({"dependencies": packages}), complains="Found 1", code=1)
    assert list(audit.python_advisories()) == ["a 1: PYSEC-1, fixed in 2.0"]


def test_advisories_of_crates(audit: ModuleType, tool: Callable[..., None]) -> None:
    package = {"name": "c", "version": "0.1.0"}
    hole = {"package": package, "advisory": {"id": "RUSTSEC-1", "title": "reads beyond"}}
    report = {"vulnerabilities": {"list": [hole]}, "warnings": {"yanked": [{"package": package}]}}
    tool("cargo-audit")
    tool("cargo", says=json.dumps(report), code=1)
    assert list(audit.crate_advisories()) == ["c 0.1.0: RUSTSEC-1: reads beyond", "c 0.1.0: yanked: yanked"]


@pytest.mark.parametrize("says", ["", "<html>no</html>", "Traceback"])
def test_a_database_out_of_reach_is_no_pass(audit: ModuleType, tool: Callable[..., None], says: str) -> None:
    complaint = "error: could not fetch https://advisories.example/db: no route"
    tool("pip-audit", says=says, complains=complaint, code=1)
    tool("cargo-audit")
    tool("cargo", says=says, complains=complaint, code=1)
    for ask in (audit.python_advisories, audit.crate_advisories):
        with pytest.raises(audit.UnreachableError, match="could not be reached") as raised:
            list(ask())
        assert "://" not in str(raised.value)


def test_a_tool_that_is_not_there_is_no_pass(audit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    for ask in (audit.python_advisories, audit.crate_advisories):
        with pytest.raises(audit.UnreachableError, match="not installed"):
            list(ask())


@pytest.mark.parametrize(
    ("found", "reached", "flags", "code"),
    [
        ([], True, [], 0),
        ([], False, [], 3),
        ([], False, ["--tolerate"], 0),
        (["a 1: hole"], True, ["--tolerate"], 1),
        (["a 1: hole"], False, ["--tolerate"], 1),
    ],
)
def test_the_exit_code_tells_a_finding_from_silence(
    audit: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    found: list[str],
    reached: bool,
    flags: list[str],
    code: int,
) -> None:
    def ask() -> Iterator[str]:
        if not reached:
            raise audit.UnreachableError("no network")
        yield from ()

    monkeypatch.setattr(audit, "DATABASES", {"a database": ask})
    monkeypatch.setattr(audit, "UNCHECKED", tmp_path / "unchecked")
    monkeypatch.setattr(audit, "offline", lambda *_: iter(found))
    monkeypatch.setattr(sys, "argv", ["audit.py", *flags])
    with pytest.raises(SystemExit) as ended:
        audit.main()
    said = capsys.readouterr().out
    assert ended.value.code == code
    assert ("NOT CHECKED" in said) is not reached
    assert (tmp_path / "unchecked").read_text() == ("" if reached else "a database: no network\n")
    assert all(line in said for line in found)
