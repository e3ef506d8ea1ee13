"""Providers that cannot be reached, and answers that cannot be told from the next one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from provoke import Case, alone, error_of, lives_on, settled, told
from upstream_reach_cases import CASES, SECOND, serving
from upstream_reach_table import FAULTS, HTTP2

from harness.certificates import Certificates, make_certificates
from harness.chat import ANSWER, CHAT, chat
from harness.doors import Door
from harness.faults import Fault
from harness.gateway import Gateway
from harness.routing import Routing
from harness.upstream import Script, Upstream, json_answer, raw

WARM_UP = 24
"""More requests in a row than a gateway has engine threads, so that each thread has a connection."""
OWN = {
    "unknown-authority": "test_unknown_authority",
    "wrong-name": "test_wrong_name",
    "kept-connection-dies": "test_kept_connection_dies",
    "kept-connection-dies-on-a-post": "test_kept_connection_dies_on_a_post",
    "second-answer": "test_second_answer",
}
"""Rows with a test of their own; those of HTTP/2 are in ``test_upstream_http2.py``."""

ROWS = {fault.id: fault for fault in FAULTS if fault.group != HTTP2}


def test_every_row_has_its_case() -> None:
    assert ROWS.keys() == CASES.keys() | OWN.keys()
    assert not CASES.keys() & OWN.keys()
    assert all(callable(globals()[name]) for name in OWN.values())


DRIVEN = [ROWS[name] for name in CASES]


@pytest.mark.parametrize("fault", DRIVEN, ids=lambda fault: fault.id)
def test_alone(gateway: Gateway, routing: Routing, door: Door, fault: Fault) -> None:
    alone(gateway, routing, door, fault, CASES[fault.id])


@pytest.mark.parametrize("fault", DRIVEN, ids=lambda fault: fault.id)
def test_with_another_lane(gateway: Gateway, routing: Routing, door: Door, fault: Fault) -> None:
    lives_on(gateway, routing, door, fault, CASES[fault.id])


def test_unknown_authority(
    gateway: Gateway, routing: Routing, door: Door, certificates: Certificates
) -> None:
    fault = ROWS["unknown-authority"]
    with Upstream(script=json_answer(ANSWER), tls=serving(certificates)) as upstream:
        alone(gateway, routing, door, fault, Case(url=upstream.url))
        lives_on(gateway, routing, door, fault, Case(url=upstream.url))
        assert upstream.requests == []


@pytest.fixture
def elsewhere(tmp_path: Path) -> Certificates:
    """A certificate of another host, by an authority that is trusted."""
    return make_certificates(tmp_path, names=("other.example",))


@pytest.fixture
def trusting(door: Door, folder: Path, elsewhere: Certificates) -> Iterator[Gateway]:
    """A gateway that trusts that authority."""
    with Gateway(folder, door, environ={"SSL_CERT_FILE": str(elsewhere.authority)}) as running:
        yield running


def test_wrong_name(trusting: Gateway, door: Door, elsewhere: Certificates) -> None:
    fault, routing = ROWS["wrong-name"], Routing(trusting)
    with Upstream(script=json_answer(ANSWER), tls=serving(elsewhere)) as upstream:
        for name in ("127.0.0.1", "localhost"):
            case = Case(url=upstream.url.replace("127.0.0.1", name))
            alone(trusting, routing, door, fault, case)
            lives_on(trusting, routing, door, fault, case)
        assert upstream.requests == []


def warm(gateway: Gateway, model: str) -> None:
    for _ in range(WARM_UP):
        assert gateway.http.post(CHAT, content=chat(model)).status_code == 200


@pytest.mark.parametrize(
    "dies", [raw(b"", close=True), lambda exchange: exchange.reset()], ids=["end", "reset"]
)
def test_kept_connection_dies(gateway: Gateway, routing: Routing, upstream: Upstream, dies: Script) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    warm(gateway, provider.model())
    upstream.queue, connections = [dies], upstream.connections
    answer = gateway.http.post(CHAT, content=chat(provider.model()))
    fault = ROWS["kept-connection-dies"]
    assert (answer.status_code, answer.content) == (fault.status, ANSWER)
    assert answer.headers["x-gateway-attempts"] == "1"
    assert (upstream.queue, upstream.connections) == ([], connections + 1)
    told(gateway, fault, answer.headers["x-gateway-request-id"])
    settled(gateway, provider, None, requests=WARM_UP + 1)


@pytest.mark.compiled
def test_kept_connection_dies_on_a_post(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url, keys=["a", "b"])
    warm(gateway, provider.model())
    arrived = len(upstream.requests)
    upstream.script = raw(b"", close=True)
    answer = gateway.http.post("/v1/images/generations", json={"model": provider.model("img"), "prompt": "x"})
    fault = ROWS["kept-connection-dies-on-a-post"]
    assert (answer.status_code, error_of(answer.content)["code"]) == (fault.status, fault.code)
    assert len(upstream.requests) - arrived == 1
    told(gateway, fault, answer.headers["x-gateway-request-id"])


def test_second_answer(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    """What lies behind an answer never becomes the answer to somebody else."""
    upstream.script = SECOND
    provider = routing.provider(upstream.url)
    answers = [gateway.http.post(CHAT, content=chat(provider.model())) for _ in range(WARM_UP)]
    assert [answer.content for answer in answers] == [ANSWER] * WARM_UP
    assert upstream.connections == WARM_UP
    told(gateway, ROWS["second-answer"], answers[-1].headers["x-gateway-request-id"])
    settled(gateway, provider, None, requests=WARM_UP)
