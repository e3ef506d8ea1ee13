"""Audits what the lock files pull in: licences, holes that are known offline, and the advisory databases.

What is known offline must hold always. An advisory database that cannot be asked (its tool is not installed,
its server is not reached) is said to be *not checked*, never passed: the exit code is 3 then, or 0 with
``--tolerate``, and ``.cache/audit-unchecked`` holds the sentences. A finding is exit code 1 in both cases.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from check_crates import allowed

ROOT = Path(__file__).resolve().parent.parent
UNCHECKED = ROOT / ".cache" / "audit-unchecked"
PIN = re.compile(r"^([a-z0-9-]+)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)
PATIENCE_S = 300


class UnreachableError(Exception):
    """A database could not be asked; the text says why."""


def pins(lock: Path) -> set[tuple[str, str]]:
    """Name and version of every package in a lock file of pip's."""
    return set(PIN.findall(lock.read_text()))


def number(version: str) -> tuple[int, ...]:
    """The release's numbers, for comparison: a pre-release counts as its release, and 1.0 as 1."""
    release = re.match(r"[0-9]+(\.[0-9]+)*?(?=(\.0+)*([^0-9.]|\.[^0-9]|$))", version)
    if release is None:
        raise ValueError(f"{version} is no version")
    return tuple(int(part) for part in release[0].split("."))


def below_floor(packages: set[tuple[str, str]], floor: dict[str, dict[str, str]]) -> Iterator[str]:
    """A sentence for each package of a version with a known hole."""
    for name, version in sorted(packages):
        rule = floor.get(name)
        if rule is not None and number(version) < number(rule["version"]):
            yield f"{name} {version}: {rule['reason']}; fixed in {rule['version']}"


def licence_of(name: str, spelled: dict[str, str]) -> str | None:
    """What the installed package says, as SPDX; None where it is not installed here (another platform's)."""
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    classifiers = metadata.get_all("Classifier") or []
    words = [line.rpartition(":: ")[2] for line in classifiers if line.startswith("License ::")]
    said = metadata.get("License-Expression") or metadata.get("License") or " AND ".join(words)
    for text, expression in spelled.items():
        said = said.replace(text, expression)
    return str(said).strip() or "none"


def bad_licences(packages: set[tuple[str, str]], policy: dict[str, Any]) -> Iterator[str]:
    """A sentence for each package whose licence is not on the list."""
    for name, version in sorted(packages):
        licence = licence_of(name, policy.get("spelled", {}))
        if licence is not None and not allowed(licence, set(policy["allow"])):
            yield f"{name} {version}: licence {licence!r} is not in requirements/audit.toml"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a tool; one that is not there, or takes too long, could not be asked."""
    if shutil.which(command[0]) is None:
        raise UnreachableError(f"{Path(command[0]).name} is not installed")
    try:
        return subprocess.run(  # noqa: S603
            command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise UnreachableError(f"{Path(command[0]).name} did not end within {PATIENCE_S} s") from None


def told(done: subprocess.CompletedProcess[str]) -> Any:
    """What a tool answered as JSON; a tool without its database says something else."""
    try:
        return json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        where = re.sub(r"https?://[^ ]+", "an address", last)
        raise UnreachableError(f"its database could not be reached ({where})") from None


def python_advisories() -> Iterator[str]:
    """What pip-audit finds in the packages that a user installs."""
    command = ("pip-audit", "--requirement", "requirements/base.lock", "--no-deps", "--disable-pip")
    for package in told(run(*command, "--format", "json", "--progress-spinner", "off"))["dependencies"]:
        for hole in package.get("vulns", ()):
            fixed = ", ".join(hole["fix_versions"]) or "no version"
            yield f"{package['name']} {package['version']}: {hole['id']}, fixed in {fixed}"


def crate_advisories() -> Iterator[str]:
    """What cargo-audit finds in Cargo.lock; a yanked or unsound crate counts."""
    if shutil.which("cargo-audit") is None:
        raise UnreachableError("cargo-audit is not installed")
    report = told(run("cargo", "audit", "--json"))
    holes = report["vulnerabilities"]["list"]
    warnings = [entry for kind in ("yanked", "unsound") for entry in report.get("warnings", {}).get(kind, ())]
    for entry in holes + warnings:
        name, advisory = entry["package"], entry.get("advisory") or {"id": "yanked", "title": "yanked"}
        yield f"{name['name']} {name['version']}: {advisory['id']}: {advisory['title']}"


def yanked() -> Iterator[str]:
    """What the index has withdrawn, by pip itself, which then warns and goes on."""
    command = (sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps")
    done = run(*command, "--require-hashes", "--disable-pip-version-check", "-r", "requirements/base.lock")
    if done.returncode:
        raise UnreachableError("the package index could not be reached")
    for line in done.stderr.splitlines():
        if "yanked" in line:
            yield line.strip()


DATABASES: dict[str, Callable[[], Iterator[str]]] = {
    "advisories of Python packages (pip-audit)": python_advisories,
    "advisories of crates (cargo-audit)": crate_advisories,
    "withdrawn Python packages (pip)": yanked,
}


def offline(root: Path, policy: dict[str, Any]) -> Iterator[str]:
    """Everything that is wrong and can be known without a network."""
    for lock in sorted((root / "requirements").glob("*.lock")):
        if lock.stem != "peers":  # other people's programs, that the bench runs beside ours
            yield from below_floor(pins(lock), policy["floor"]["python"])
    locked = tomllib.loads((root / "Cargo.lock").read_text())["package"]
    crates = {(package["name"], package["version"]) for package in locked}
    yield from below_floor(crates, policy["floor"]["crates"])
    yield from bad_licences(pins(root / "requirements" / "base.lock"), policy["licences"])


def main() -> None:
    """Audit the repository that this file belongs to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tolerate", action="store_true", help="exit code 0 where nothing is worse than not checked"
    )
    options = parser.parse_args()
    policy = tomllib.loads((ROOT / "requirements" / "audit.toml").read_text())
    findings = list(dict.fromkeys(offline(ROOT, policy)))
    lines = [f"{'FOUND' if findings else 'passed':<12} licences and known holes of the lock files"]
    unchecked = []
    for name, ask in DATABASES.items():
        try:
            found = list(ask())
        except UnreachableError as reason:
            unchecked.append(f"{name}: {reason}")
            lines.append(f"{'NOT CHECKED':<12} {unchecked[-1]}")
        else:
            findings += found
            lines.append(f"{'FOUND' if found else 'passed':<12} {name}")
    UNCHECKED.parent.mkdir(exist_ok=True)
    UNCHECKED.write_text("".join(f"{line}\n" for line in unchecked))
    sys.stdout.write("\n".join([*lines, *findings]) + "\n")
    sys.exit(1 if findings else 3 if unchecked and not options.tolerate else 0)


if __name__ == "__main__":
    main()
