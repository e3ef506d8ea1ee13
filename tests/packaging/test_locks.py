"""requirements/*.lock: complete, hashed, and free of addresses."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

PIN = re.compile(r"^([a-z0-9-]+)(?:\[[^]]*\])?==(\S+)", re.MULTILINE)
LOCKS = ("base", "bench", "build", "dev", "peers", "real", "real-sdist", "sdk", "wheel")


def pins(root: Path, lock: str) -> dict[str, set[str]]:
    """The locked versions of each package; several where an environment marker tells them apart."""
    found: dict[str, set[str]] = {}
    for name, version in PIN.findall((root / f"requirements/{lock}.lock").read_text()):
        found.setdefault(name, set()).add(version)
    return found


def test_each_lock_has_its_source_and_nothing_else_is_there(root: Path) -> None:
    assert {path.stem for path in (root / "requirements").glob("*.lock")} == set(LOCKS)
    sources = {path.stem for path in (root / "requirements").glob("*.in")}
    assert sources == set(LOCKS) - {"base", "real-sdist"}  # pyproject.toml, and real.in


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_no_address(root: Path, lock: str) -> None:
    text = (root / f"requirements/{lock}.lock").read_text()
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text
    blocks = re.split(r"\n(?=[a-z])", text)
    assert pins(root, lock)
    assert all("--hash=sha256:" in block for block in blocks if PIN.match(block))


def test_base_holds_what_the_package_asks_for(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    asked = {re.match(r"[a-zA-Z0-9_-]+", line).group().lower() for line in project["dependencies"]}  # type: ignore[union-attr]
    assert asked <= pins(root, "base").keys()


@pytest.mark.parametrize("lock", ["bench", "dev", "sdk"])
def test_the_other_environments_run_the_same_dependencies(root: Path, lock: str) -> None:
    base, other = pins(root, "base"), pins(root, lock)
    assert {name: other.get(name) for name in base} == base


def test_both_major_versions_of_the_sdk_are_tested(root: Path) -> None:
    majors = {version.split(".")[0] for lock in ("dev", "sdk") for version in pins(root, lock)["openai"]}
    assert majors == {"2", "3"}


def test_the_server_of_the_real_tests_is_locked_as_source_only(root: Path) -> None:
    assert "llama-cpp-python" not in pins(root, "real")
    text = (root / "requirements/real-sdist.lock").read_text()
    assert text.count("==") == text.count("--hash=sha256:") == 1
