"""A provider and an engine for each test, both closed behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fake_provider import Driver, FakeProvider

from ferrogate.engine.snapshot import Snapshot
from ferrogate.reference import ReferenceEngine


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    fake = FakeProvider()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def drive() -> AsyncIterator[Callable[[Snapshot], Driver]]:
    drivers: list[Driver] = []

    def make(snapshot: Snapshot) -> Driver:
        rows: list[tuple[Any, ...]] = []
        engine = ReferenceEngine(snapshot, rows.extend, log_every=0.0)
        assert engine.client  # made here and not on the clock of a request: it reads the certificates
        drivers.append(Driver(engine, rows))
        return drivers[-1]

    yield make
    for driver in drivers:
        await driver.engine.aclose()
