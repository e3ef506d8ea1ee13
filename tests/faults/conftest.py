"""A gateway with little patience, and a provider that says bytes, for the clients' faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from client_stage import LIMITS, Stage

from harness.chat import ANSWER
from harness.doors import Door
from harness.gateway import Gateway
from harness.routing import Routing
from harness.upstream import Upstream, json_answer


@pytest.fixture(scope="session")
def impatient(door: Door, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose clocks are short and whose bounds are small."""
    folder = tmp_path_factory.mktemp(f"impatient-{door}")
    with Gateway(folder, door, config={"limits": LIMITS}) as gateway:
        yield gateway


@pytest.fixture
def stage(impatient: Gateway, upstream: Upstream, door: Door) -> Iterator[Stage]:
    """The gateway, a provider that answers, and the way in."""
    upstream.script = json_answer(ANSWER)
    routing = Routing(impatient)
    yield Stage(impatient, upstream, routing.provider(upstream.url), door)
    routing.forget()
