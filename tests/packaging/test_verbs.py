"""The Makefile's verbs, the crate policy and the example configuration."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ferrogate.config import check_config
from ferrogate.providers.builtin import BUILTIN
from ferrogate.providers.registry import Registry

VERBS = {
    "help",
    "setup",
    "dev",
    "fmt",
    "lint",
    "types",
    "test",
    "test-real",
    "bench",
    "wheel",
    "dashboard",
    "serve",
    "fuzz",
    "chaos",
    "soak",
}


def test_help_names_every_verb(root: Path) -> None:
    said = subprocess.run(["make", "help"], cwd=root, check=True, capture_output=True, text=True).stdout
    named = {line.split()[1] for line in said.splitlines() if line.startswith("  make ")}
    assert named >= VERBS


def test_the_example_configuration_is_valid(root: Path) -> None:
    environ = {"OPENAI_API_KEY": "one", "OPENAI_KEY_2": "two", "GROQ_API_KEY": "three"}
    path = root / "gateway.example.yaml"
    config, problems = check_config(path, environ=environ, kinds=Registry(BUILTIN).options())
    assert problems == []
    assert config is not None
    assert config.warnings == ()
    assert set(config.models) == {"chat", "cheap", "faq"}


@pytest.fixture
def policy_check(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_crates", root / "scripts/check_crates.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("expression", "met"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT/Apache-2.0", True),
        ("Apache-2.0 WITH LLVM-exception OR MIT", True),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("(MIT OR GPL-3.0-only) AND ISC", False),
        ("(MIT OR GPL-3.0-only) AND Apache-2.0", True),
        ("MIT OR GPL-3.0-only AND ISC", True),
        ("GPL-3.0-only AND MIT OR ISC", False),
    ],
)
def test_licence_expressions(policy_check: ModuleType, expression: str, met: bool) -> None:
    assert policy_check.allowed(expression, {"MIT", "Apache-2.0"}) is met


def package(name: str, version: str = "1.0.0", **fields: Any) -> dict[str, Any]:
    return {"name": name, "version": version, "license": "MIT", "source": "registry+index", **fields}


def test_each_rule_of_the_crate_policy_bites(policy_check: ModuleType) -> None:
    policy = {
        "licenses": {"allow": ["MIT"]},
        "bans": {
            "deny": [{"crate": "evil", "reason": "because"}],
            "skip": [{"crate": "old@1", "reason": "held"}, {"crate": "gone", "reason": "held once"}],
        },
    }
    packages = [
        package("evil"),
        package("unlicensed", license=None),
        package("twice"),
        package("twice", "2.0.0"),
        package("old", "1.2.3"),
        package("old", "2.0.0"),
        package("own", source=None),
        package("fork", source="git+elsewhere"),
    ]
    assert sorted(policy_check.problems(packages, policy)) == [
        "crates come from git beside the one registry",
        "deny.toml skips gone, which nothing needs",
        "evil 1.0.0 is banned: because",
        "twice comes in 2 versions: 1.0.0, 2.0.0",
        "unlicensed 1.0.0: licence None is not in deny.toml",
    ]
    assert list(policy_check.problems([package("fine")], {**policy, "bans": {"deny": [], "skip": []}})) == []
