from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.running import Running


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration, key or gateway of the machine that runs the tests."""
    for name in list(os.environ):
        if name.startswith("GATEWAY_") or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    gateway = Running(tmp_path / "data")
    yield gateway
    gateway.stop()
