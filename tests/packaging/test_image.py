"""The container files, as far as they can be checked without an engine, and the image where there is one."""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture
def instructions(root: Path) -> list[tuple[str, str]]:
    """(instruction, rest) of the Dockerfile, continued lines joined."""
    text = re.sub(r"\\\n", " ", (root / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def of_last_stage(instructions: list[tuple[str, str]], name: str) -> list[str]:
    begin = max(index for index, (other, _) in enumerate(instructions) if other == "FROM")
    return [rest for other, rest in instructions[begin:] if other == name]


def test_everything_that_is_copied_reaches_the_engine(
    root: Path, instructions: list[tuple[str, str]]
) -> None:
    lines = (root / ".dockerignore").read_text().splitlines()
    assert "*" in lines, "the context is a list of what may go in"
    allowed = [line[1:] for line in lines if line.startswith("!")]
    copied = [
        source
        for name, rest in instructions
        if name == "COPY" and "--from=" not in rest
        for source in rest.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (root / source).exists(), source
        assert any(fnmatch.fnmatch(source.rstrip("/"), f"{name}*") for name in allowed), source


def test_it_runs_as_a_fixed_user_without_rights(instructions: list[tuple[str, str]]) -> None:
    (user,) = of_last_stage(instructions, "USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert any(f"chown {user} /app/data" in rest for rest in of_last_stage(instructions, "RUN"))


def test_health_data_and_command(instructions: list[tuple[str, str]]) -> None:
    (health,) = of_last_stage(instructions, "HEALTHCHECK")
    command = json.loads(health.partition(" CMD ")[2])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "HEALTHCHECK", "exec")
    assert "/readyz" in command[2]
    assert of_last_stage(instructions, "VOLUME") == ["/app/data"]
    assert json.loads(of_last_stage(instructions, "CMD")[0]) == ["gateway", "serve", "--host", "0.0.0.0"]


def test_compose_offers_the_port_and_the_folder(root: Path) -> None:
    compose: dict[str, Any] = yaml.safe_load((root / "compose.yaml").read_text())
    service = compose["services"]["gateway"]
    assert service["ports"] == ["8080:8080"]
    assert service["volumes"] == ["./data:/app/data"]


@pytest.mark.docker
@pytest.mark.timeout(3600)
def test_the_image_is_built_and_answers(root: Path) -> None:
    docker = shutil.which("docker")
    assert docker, "no docker command"
    subprocess.run([docker, "build", "--tag", "ferrogate:test", str(root)], check=True)
    command = [docker, "run", "--rm", "ferrogate:test", "gateway", "version"]
    assert "0.1.0" in subprocess.run(command, check=True, capture_output=True, text=True).stdout
