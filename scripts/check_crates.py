"""Holds every crate of the lock file against the policy in deny.toml: licences, bans, versions, sources.

It exists because compiling cargo-deny takes longer than all other checks together. Both read the same file;
only cargo-deny knows advisories. A crate counts where one of the policy's targets needs it, be it for tests.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TOKEN = re.compile(r"[()/]|[\w.+-]+")


def allowed(expression: str, licences: set[str]) -> bool:
    """Whether an SPDX expression can be met with ``licences`` alone; ``/`` is the old spelling of OR."""
    tokens = [*TOKEN.findall(expression), "end"]

    def alternatives() -> bool:
        met = conjunction()
        while tokens[0] in ("OR", "/"):
            tokens.pop(0)
            met = conjunction() or met
        return met

    def conjunction() -> bool:
        met = atom()
        while tokens[0] == "AND":
            tokens.pop(0)
            met = atom() and met
        return met

    def atom() -> bool:
        name = tokens.pop(0)
        if name == "(":
            met = alternatives()
            tokens.pop(0)
            return met
        if tokens[0] == "WITH":
            name = f"{name} WITH {tokens[1]}"
            del tokens[:2]
        return name in licences

    return alternatives() and tokens == ["end"]


def names(package: dict[str, Any], rule: dict[str, str]) -> bool:
    """Whether a rule such as ``getrandom`` or ``getrandom@0.2`` means this package."""
    crate, _, version = rule["crate"].partition("@")
    return bool(
        package["name"] == crate
        and (not version or package["version"] == version or package["version"].startswith(f"{version}."))
    )


def crates(targets: list[str]) -> list[dict[str, Any]]:
    """Every package that the workspace needs on one of ``targets``."""
    found: dict[str, dict[str, Any]] = {}
    for target in targets:
        command = ["cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={target}"]
        answer = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)  # noqa: S603
        graph = json.loads(answer.stdout)
        needed = {node["id"] for node in graph["resolve"]["nodes"]}
        found |= {package["id"]: package for package in graph["packages"] if package["id"] in needed}
    return sorted(found.values(), key=lambda package: (package["name"], package["version"]))


def problems(packages: list[dict[str, Any]], policy: dict[str, Any]) -> Iterator[str]:
    """One sentence for each crate that breaks the policy, and for each exception that nothing needs."""
    licences = set(policy["licenses"]["allow"])
    skipped = policy["bans"]["skip"]
    versions: dict[str, list[str]] = defaultdict(list)
    for package in packages:
        label = f"{package['name']} {package['version']}"
        if not allowed(package["license"] or "none", licences):
            yield f"{label}: licence {package['license']} is not in deny.toml"
        for rule in policy["bans"]["deny"]:
            if names(package, rule):
                yield f"{label} is banned: {rule['reason']}"
        if not any(names(package, rule) for rule in skipped):
            versions[package["name"]].append(package["version"])
    for name, several in versions.items():
        if len(several) > 1:
            yield f"{name} comes in {len(several)} versions: {', '.join(several)}"
    for rule in skipped:
        if not any(names(package, rule) for package in packages):
            yield f"deny.toml skips {rule['crate']}, which nothing needs"
    sources = sorted({package["source"] for package in packages if package["source"]})
    for source, count in itertools.groupby(sources, key=lambda source: source.partition("+")[0]):
        if source != "registry" or len(list(count)) > 1:
            yield f"crates come from {source} beside the one registry"


def main() -> None:
    """Check the workspace that this file belongs to."""
    policy = tomllib.loads((ROOT / "deny.toml").read_text())
    packages = crates(policy["graph"]["targets"])
    if found := list(problems(packages, policy)):
        sys.exit("\n".join(found))
    sys.stdout.write(f"{len(packages)} crates keep to deny.toml\n")


if __name__ == "__main__":
    main()
