"""A provider of another package: the sample of examples/, installed as a wheel, found, listed and served."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.chat import CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway
from harness.mock import Mock

SAMPLE = Path(__file__).parents[2] / "examples" / "ferrogate-provider-acme"
KEY = "key-of-acme-0123456789"
UV = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that has the sample installed, in a folder of its own; offline."""
    place = tmp_path_factory.mktemp("acme")
    source = shutil.copytree(SAMPLE, place / "source", ignore=shutil.ignore_patterns("__pycache__"))
    # uv builds what names its backend by itself, so that nothing has to be fetched.
    run([UV, "build", "--offline", "--wheel", "--no-cache", "--out-dir", place / "dist", source])
    (wheel,) = (place / "dist").glob("*.whl")
    site = place / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run([*pip, "--no-index", "--no-deps", "--target", site, wheel])
    return {"PYTHONPATH": str(site)}


def run(command: list[Any], environ: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **(environ or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def gateway(
    installed: dict[str, str], mock: Mock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    config = {
        "providers": {"acme": {"base_url": mock.url, "keys": [KEY]}},
        "models": {"told": {"targets": ["acme/large"], "hooks": ["acme-tenant"]}},
    }
    folder = tmp_path_factory.mktemp("gateway-acme")
    with Gateway(folder, Door.NATIVE, config=config, environ=installed) as running:
        yield running


def test_without_the_package_there_is_no_such_provider(tmp_path: Path) -> None:
    shown = json.loads(run([sys.executable, "-m", "ferrogate", "config", "show", "--json"], cwd=tmp_path))
    assert "acme" not in {provider["name"] for provider in shown["providers"]}


def test_the_configuration_shows_it(installed: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ferrogate", "config", "show", "--json"]
    shown = json.loads(run(command, installed | {"ACME_API_KEY": KEY}, tmp_path))
    (acme,) = [provider for provider in shown["providers"] if provider["name"] == "acme"]
    assert (acme["base_url"], acme["configured"]) == ("https://llm.acme.example/v1", True)
    assert [key["name"] for key in acme["keys"]] == ["ACME_API_KEY"]


def test_the_admin_api_lists_it(gateway: Gateway) -> None:
    listed = gateway.call("GET", "providers")
    items = listed["items"] if isinstance(listed, dict) else listed
    (acme,) = [provider for provider in items if provider["name"] == "acme"]
    assert (acme["kind"], acme["configured"]) == ("acme", True)


def test_it_serves_with_the_compiled_engine(gateway: Gateway, mock: Mock) -> None:
    answer = gateway.http.post(CHAT, content=chat("acme/large", max_completion_tokens=7))
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-gateway-provider"] == "acme"
    (request,) = mock.requests(KEY)
    headers = dict(request["headers"])
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["x-acme-client"] == "ferrogate", "what the sample's spec says is sent"
    assert json.loads(request["body_text"]) == json.loads(chat("large", max_tokens=7)), (
        "and its quirk is done"
    )
    row = gateway.row(answer.headers["x-gateway-request-id"])
    assert (row["provider"], row["upstream_model"], row["door"]) == ("acme", "large", "native")


def test_its_hook_runs_where_it_is_named_and_nowhere_else(gateway: Gateway, mock: Mock) -> None:
    before = len(mock.requests(KEY))
    for model in ("acme/large", "told"):
        assert gateway.http.post(CHAT, content=chat(model)).status_code == 200
    plain, told = mock.requests(KEY)[before:]
    assert "x-acme-tenant" not in dict(plain["headers"])
    assert dict(told["headers"])["x-acme-tenant"] == "local"


def test_the_bench_can_name_it(installed: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ferrogate", "bench", "--target", "native", "--model", "acme/echo"]
    measured = run(
        [*command, "--rate", "50", "--duration", "0.2", "--warmup", "0", "--allow-debug", "--json"],
        installed,
        tmp_path,
    )
    (sample,) = json.loads(measured)["samples"]
    assert sample["report"]["requests"]["ok"] > 0


def test_its_own_tests_pass(installed: dict[str, str], tmp_path: Path) -> None:
    tests = shutil.copytree(SAMPLE / "tests", tmp_path / "tests")
    said = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests], installed, tmp_path)
    assert "2 passed" in said
