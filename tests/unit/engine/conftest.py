from pathlib import Path

import pytest

from ferrogate.config import load_config
from ferrogate.engine.effective import Stored, merge
from ferrogate.providers.builtin import BUILTIN
from ferrogate.providers.registry import Registry


@pytest.fixture(scope="session")
def registry():
    return Registry(BUILTIN)


@pytest.fixture
def effective(tmp_path, registry):
    """Merge a file's text, an environment and the store's part; the file is called gateway.yaml."""

    def _effective(text="", environ=None, stored=None, overrides=None):
        environ = environ or {}
        path = tmp_path / "gateway.yaml"
        path.write_text(text)
        file = load_config(path, overrides, environ, registry.options())
        return merge(file, environ, stored or Stored(), registry)

    return _effective


@pytest.fixture(scope="session")
def golden():
    return Path(__file__).parents[2] / "golden"
