"""A provider that takes few requests on a connection gets more connections: no request waits for another."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.certificates import Certificates
from harness.chat import ANSWER, CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway, until
from harness.h2_limited import LimitedH2Upstream


@pytest.fixture
def provider(certificates: Certificates) -> Iterator[LimitedH2Upstream]:
    with LimitedH2Upstream(certificates, ANSWER, streams=2) as running:
        yield running


@pytest.fixture
def gateway(folder: Path, certificates: Certificates, provider: LimitedH2Upstream) -> Iterator[Gateway]:
    """One engine thread: each has connections of its own."""
    tls = {"ca": str(certificates.authority)}
    section = {"kind": "openai-compatible", "base_url": provider.url, "keys": ["k-0123456789"], "tls": tls}
    with Gateway(
        folder, Door.NATIVE, config={"providers": {"p": section}}, flags=["--workers", "1"]
    ) as running:
        yield running


def ask(gateway: Gateway) -> bytes:
    return gateway.http.post(CHAT, content=chat("p/m")).content


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_no_request_waits_for_another_to_end(
    gateway: Gateway, provider: LimitedH2Upstream, warm: bool
) -> None:
    if warm:
        assert ask(gateway) == ANSWER
    provider.hold()
    with ThreadPoolExecutor(10) as pool:
        answers = [pool.submit(ask, gateway) for _ in range(10)]
        until(lambda: provider.waiting == 10, "all ten requests at the provider")
        assert all(connection.most <= 2 for connection in provider.connections)
        if warm:
            assert len(provider.connections) == 5, "no more than they need"
        provider.release()
        assert [answer.result(20) for answer in answers] == [ANSWER] * 10
    before = len(provider.connections)
    assert [ask(gateway) for _ in range(10)] == [ANSWER] * 10
    assert len(provider.connections) == before, "they are used again"


def test_a_connection_that_is_told_to_go_gets_no_new_requests(
    gateway: Gateway, provider: LimitedH2Upstream
) -> None:
    assert ask(gateway) == ANSWER
    provider.hold()
    with ThreadPoolExecutor(2) as pool:
        begun = pool.submit(ask, gateway)
        until(lambda: provider.waiting == 1, "the request")
        provider.send_away()
        after = pool.submit(ask, gateway)
        until(lambda: provider.waiting == 2, "the request after it")
        old, new = provider.connections
        assert (len(old.open), len(new.open)) == (1, 1)
        provider.release()
        assert (begun.result(20), after.result(20)) == (ANSWER, ANSWER)
    assert old.told_to_go
    assert not new.told_to_go
    lane = gateway.lanes("p")[0]
    assert (lane["successes"], lane["failures"]) == (3, 0), "it is no failure of anybody"
