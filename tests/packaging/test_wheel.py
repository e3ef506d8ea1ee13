"""The published wheel as a stranger meets it: in an empty environment, outside the clone.

Run by `make test-wheel` after `make wheel`. Dependencies come unlocked, as `pip install` takes them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(600)]

MEBI = 2**20
QUESTION = {"messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture(scope="module")
def wheel(root: Path) -> Path:
    found = sorted((root / "dist").glob("*.whl"))
    assert len(found) == 1, (
        f"dist/ must hold one wheel (make wheel); it holds {[path.name for path in found]}"
    )
    return found[0]


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty virtual environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    before = size(folder)
    subprocess.run(
        [folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel],
        check=True,
    )
    (folder / "installed").write_text(str(size(folder) - before))
    return folder


def size(folder: Path) -> int:
    """Bytes of the files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink())


def environ(**more: str) -> dict[str, str]:
    """Nothing of this process that could configure a gateway or lead Python to the clone."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR") if name in os.environ
    }
    return kept | more


@contextmanager
def running(environment: Path, folder: Path, *command: str, **more: str) -> Iterator[str]:
    """Run ``gateway COMMAND`` in ``folder``; gives the URL that its first line names."""
    with (folder / "stderr").open("w") as errors:
        process = subprocess.Popen(
            [environment / "bin/gateway", *command],
            cwd=folder,
            env=environ(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert first.startswith("listening on http://"), first + (folder / "stderr").read_text()
        yield first.split()[-1]
        process.terminate()
        assert process.wait(40) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_it_is_small_and_fits_old_systems_and_new_pythons(wheel: Path) -> None:
    assert wheel.stat().st_size < 20 * MEBI
    _, _, python, abi, platforms = wheel.stem.split("-")
    assert (python, abi) == ("cp311", "abi3")
    if sys.platform == "linux":
        assert platforms.startswith(("manylinux2014_", "manylinux_2_17_"))


def test_it_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert [name for name in names if name.endswith(".so")] == ["ferrogate/_core.abi3.so"]
    assert {"ferrogate/py.typed", "ferrogate/_core.pyi"} <= set(names)
    assert not [name for name in names if "__pycache__" in name]
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"ferrogate"}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_installation_is_small(environment: Path) -> None:
    assert int((environment / "installed").read_text()) < 150 * MEBI


def test_the_mock_answers_at_once(environment: Path, tmp_path: Path) -> None:
    with (
        running(environment, tmp_path, "serve", "--mock", "--port", "0") as url,
        httpx.Client(base_url=url) as client,
    ):
        whole = client.post("/openai/v1/chat/completions", json={"model": "mock/echo", **QUESTION})
        assert whole.status_code == 200, whole.text
        assert whole.json()["object"] == "chat.completion"

        stream = client.post(
            "/openai/v1/chat/completions", json={"model": "mock/echo", "stream": True, **QUESTION}
        )
        events = [line.removeprefix("data: ") for line in stream.text.splitlines() if line]
        assert events[-1] == "[DONE]"
        assert {json.loads(event)["object"] for event in events[:-1]} == {"chat.completion.chunk"}

        assert client.get("/readyz").status_code == 200
        assert "<html" in client.get("/").text.lower()


def test_keys_of_all_four_sources_reach_the_provider(environment: Path, tmp_path: Path) -> None:
    """File, environment, REST and command line; each takes effect for the next request."""
    for name in ("mock", "gateway"):
        (tmp_path / name).mkdir()
    with running(environment, tmp_path / "mock", "mock", "--port", "0") as provider:
        (tmp_path / "gateway/gateway.yaml").write_text(
            f"""
            providers:
              by-file: {{kind: openai-compatible, base_url: "{provider}/v1", keys: [sk-file-0001]}}
              by-rest: {{kind: openai-compatible, base_url: "{provider}/v1"}}
              by-hand: {{kind: openai-compatible, base_url: "{provider}/v1"}}
              openai: {{base_url: "{provider}/v1"}}
            """
        )
        with (
            running(
                environment, tmp_path / "gateway", "serve", "--port", "0", OPENAI_API_KEY="sk-environment-1"
            ) as url,
            httpx.Client(base_url=url) as client,
        ):
            answer = client.post(
                "/api/v1/keys",
                json={"provider": "by-rest", "name": "main", "value": "sk-rest-0123456789-0123456789-abcd"},
            )
            assert answer.status_code == 201, answer.text
            assert answer.json()["value"] == "sk-...abcd"
            added = subprocess.run(
                [
                    environment / "bin/gateway",
                    "keys",
                    "add",
                    "by-hand",
                    "--name",
                    "main",
                    "--value",
                    "sk-typed-0001",
                ],
                cwd=tmp_path / "gateway",
                env=environ(),
                capture_output=True,
                text=True,
                check=False,
            )
            assert added.returncode == 0, added.stderr

            for name in ("by-file", "by-rest", "by-hand", "openai"):
                answer = client.post(
                    "/openai/v1/chat/completions", json={"model": f"{name}/some-model", **QUESTION}
                )
                assert answer.status_code == 200, answer.text
            seen = [dict(request["headers"]).get("authorization") for request in arrived(provider)]
            secrets = (
                "sk-file-0001",
                "sk-rest-0123456789-0123456789-abcd",
                "sk-typed-0001",
                "sk-environment-1",
            )
            assert seen == [f"Bearer {secret}" for secret in secrets]

            assert len(logged(client, 4)) == 4


def arrived(provider: str) -> list[dict[str, Any]]:
    """What reached the mock, oldest first."""
    requests: list[dict[str, Any]] = httpx.get(f"{provider}/_mock/requests").json()
    return requests


def logged(client: httpx.Client, wanted: int) -> list[dict[str, Any]]:
    """The log's rows, once ``wanted`` are there; what there is after ten seconds."""
    rows: list[dict[str, Any]] = []
    deadline = time.monotonic() + 10
    while len(rows) < wanted and time.monotonic() < deadline:
        rows = client.get("/api/v1/logs").json()["items"]
        time.sleep(0.1)
    return rows
