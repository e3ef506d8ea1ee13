"""What every test has: an environment without keys, and gateways that are started once a way in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.certificates import Certificates, make_certificates
from harness.doors import COMPILED, Door
from harness.gateway import Gateway, clean_environment
from harness.mock import Mock
from harness.routing import Routing
from harness.upstream import Upstream


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "kind(*ids): the stable error identifiers that the test provokes")
    config.addinivalue_line("markers", "compiled: what the Python engine leaves out")
    config.addinivalue_line("markers", "doors(*names): the ways in that the test is about")
    kept = clean_environment(os.environ)
    for name in os.environ.keys() - kept.keys():
        del os.environ[name]
    os.environ.update(kept)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes a ``door`` once a way in, unless a mark says which."""
    if "door" in metafunc.fixturenames:
        doors = COMPILED if metafunc.definition.get_closest_marker("compiled") else tuple(Door)
        if mark := metafunc.definition.get_closest_marker("doors"):
            doors = tuple(map(Door, mark.args))
        metafunc.parametrize("door", doors, ids=str, indirect=True, scope="session")


@pytest.fixture(scope="session")
def door(request: pytest.FixtureRequest) -> Door:
    """The way in."""
    return Door(request.param)


@pytest.fixture(scope="session")
def mock() -> Iterator[Mock]:
    """The mock provider, shared: tests tell their requests apart by key."""
    with Mock() as server:
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority that nobody trusts until told to, and a server's certificate."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A provider of the test's own that says bytes."""
    with Upstream() as server:
        yield server


@pytest.fixture(scope="session")
def gateway(door: Door, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with every default, shared by the tests of one way in."""
    with Gateway(tmp_path_factory.mktemp(f"gateway-{door}"), door) as running:
        yield running


@pytest.fixture
def routing(gateway: Gateway) -> Iterator[Routing]:
    """Declares providers on the shared gateway for one test."""
    declared = Routing(gateway)
    yield declared
    declared.forget()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a gateway of the test's own."""
    return tmp_path / "gateway"
