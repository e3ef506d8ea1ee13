"""What ``import ferrogate`` offers, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ferrogate


def test_every_public_name_is_there():
    assert sorted(ferrogate.__all__) == ["ProviderSpec", "__version__", "asgi_app", "lifespan"]
    for name in ferrogate.__all__:
        assert getattr(ferrogate, name) is not None
        assert name in dir(ferrogate)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ferrogate.nonsense


def loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport sys; print(' '.join(sys.modules), file=sys.stderr)"
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return set(ended.stderr.split())


HELP = """
import sys, ferrogate.cli
sys.argv = ["gateway", "--help"]
try:
    ferrogate.cli.main()
except SystemExit:
    pass
"""
HEAVY = {"fastapi", "sqlalchemy", "httpx", "uvicorn", "alembic", "ferrogate._core"}


@pytest.mark.parametrize(
    "code",
    [
        "import ferrogate",
        "import ferrogate; ferrogate.asgi_app()",
        HELP,
        "import ferrogate.app",
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(code):
    assert not HEAVY & loaded_by(code)


def test_the_compiled_engine_starts_without_the_python_one():
    assert "httpx" not in loaded_by("import ferrogate.app, ferrogate.admin, ferrogate.engine.facade")
