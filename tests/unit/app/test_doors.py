"""Which half of the gateway a path belongs to, and the facade's guards."""

from __future__ import annotations

import os

import pytest

from ferrogate.doors import INFERENCE_PREFIXES, Split, is_inference
from ferrogate.engine import facade
from ferrogate.engine.snapshot import Auth, Snapshot
from ferrogate.errors import AddressError, ForkedError, SnapshotError
from ferrogate.reference.errors import STATUS, RequestError
from ferrogate.reference.route import find_route


@pytest.mark.parametrize("prefix", sorted(INFERENCE_PREFIXES))
def test_the_engine_knows_every_prefix_that_it_is_given(prefix):
    with pytest.raises(RequestError) as error:
        find_route("GET", f"/{prefix}/nothing/there")
    assert error.value.kind == "not_supported"


@pytest.mark.parametrize("path", ["/", "", "/api/v1/keys", "/docs", "/openaix", "/v1beta/models", "//openai"])
def test_other_paths_belong_to_the_control_plane(path):
    assert not is_inference(path)
    with pytest.raises(RequestError) as error:
        find_route("GET", path)
    assert error.value.kind == "route_not_found"


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"type": "http", "path": "/v1/models"}, "inference"),
        ({"type": "http", "path": "/openai"}, "inference"),
        ({"type": "http", "path": "/llm/v1/models", "root_path": "/llm"}, "inference"),
        ({"type": "http", "path": "/v1/api/v1/keys", "root_path": "/v1"}, "control"),
        ({"type": "http", "path": "/docs"}, "control"),
        ({"type": "lifespan"}, "control"),
    ],
)
async def test_requests_are_split_by_path(scope, expected):
    called: list[str] = []

    def app(name):
        async def note(scope, receive, send):
            called.append(name)

        return note

    async def unused(*_):
        raise AssertionError

    await Split(app("inference"), app("control"))(scope, unused, unused)
    assert called == [expected]


SNAPSHOT = Snapshot(auth=Auth(required=False))


def test_the_python_engine_knows_the_kinds_of_the_compiled_one():
    compiled = {kind["id"]: kind["status"] for kind in facade.error_kinds()}
    assert compiled.items() >= STATUS.items()
    assert compiled.keys() - STATUS.keys() == {"control_plane_down", "no_lane_ready"}


def test_a_forked_child_is_refused(tmp_path):
    engine = facade.Engine(SNAPSHOT, workers=1, journal=None)
    engine._pid = os.getppid()
    with pytest.raises(ForkedError, match="after the fork"):
        engine.status()
    engine.stop()


def test_a_refused_snapshot_is_named_and_leaves_the_old_one():
    engine = facade.Engine(SNAPSHOT, workers=1, journal=None)
    bad = SNAPSHOT.model_copy(update={"version": 99})
    with pytest.raises(SnapshotError):
        engine.apply(bad)
    with pytest.raises(SnapshotError):
        facade.check_snapshot(bad)
    with pytest.raises(SnapshotError):
        facade.Engine(bad, workers=1, journal=None)
    facade.check_snapshot(SNAPSHOT)
    before = engine.status()["generation"]
    assert engine.apply(SNAPSHOT) == before + 1
    assert engine.lanes() == []
    assert "ferrogate_requests" in engine.metrics()
    engine.stop()
    engine.stop()


def test_a_taken_address_is_an_address_error():
    first = facade.MockServer({"host": "127.0.0.1", "port": 0})
    try:
        with pytest.raises(AddressError):
            facade.MockServer({"host": "127.0.0.1", "port": first.port})
    finally:
        first.stop()
