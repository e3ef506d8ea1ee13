"""HTTP/2 to providers: GOAWAY, RST_STREAM, and connections that die."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from h2.errors import ErrorCodes
from provoke import GOOD, Case, ask, error_of, saw, settled, told
from upstream_http2_cases import (
    SEEN,
    breaks_off,
    dies,
    fine,
    goes_away_and_on,
    goes_away_behind,
    goes_away_in_anger,
    half_of_json,
    not_processed,
    refused,
    resets,
)
from upstream_reach_table import FAULTS, HTTP2

from harness.certificates import Certificates
from harness.chat import ANSWER, CHAT, DONE, FINISH, chat, delta
from harness.doors import Door
from harness.gateway import Gateway
from harness.h2_upstream import H2Stream, H2Upstream
from harness.routing import Routing
from harness.upstream import Upstream, json_answer, sse
from harness.wire import End, Wire

pytestmark = pytest.mark.compiled

JSON = Case()
STREAM = Case(stream=True, body=delta("a"), gate=SEEN)
WARM_UP = 24
"""More requests in a row than a gateway has engine threads, so that each thread has a connection."""


@pytest.fixture(scope="session")
def trusting(
    door: Door, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway that trusts the test's own authority."""
    folder: Path = tmp_path_factory.mktemp(f"trusting-{door}")
    with Gateway(folder, door, environ={"SSL_CERT_FILE": str(certificates.authority)}) as running:
        yield running


@pytest.fixture
def routing(trusting: Gateway) -> Iterator[Routing]:
    declared = Routing(trusting)
    yield declared
    declared.forget()


@pytest.fixture
def upstream(certificates: Certificates) -> Iterator[H2Upstream]:
    with H2Upstream(certificates, script=fine) as server:
        yield server


ROWS = {fault.id: fault for fault in FAULTS if fault.group == HTTP2}
SURVIVED = {
    "h2-goaway-unprocessed": not_processed,
    "h2-refused-stream": refused,
    "h2-connection-dies": dies,
}
BROKEN = {
    "h2-reset-mid-stream": [
        breaks_off(code) for code in (ErrorCodes.INTERNAL_ERROR, ErrorCodes.CANCEL, ErrorCodes.NO_ERROR)
    ],
    "h2-goaway-and-end": [goes_away_in_anger],
}
LANES = {
    "h2-reset-before": resets,
    "h2-json-reset": half_of_json,
}
OWN = {
    "h2-goaway-idle": "test_goaway_idle",
    "h2-goaway-mid-stream": "test_goaway_mid_stream",
}


def test_every_row_has_its_case() -> None:
    assert ROWS.keys() == SURVIVED.keys() | BROKEN.keys() | LANES.keys() | OWN.keys()
    assert all(callable(globals()[name]) for name in OWN.values())


def warm(gateway: Gateway, model: str) -> None:
    for _ in range(WARM_UP):
        assert gateway.http.post(CHAT, content=chat(model)).content == ANSWER


@pytest.mark.parametrize("name", SURVIVED)
def test_it_is_sent_again_without_counting(
    trusting: Gateway, routing: Routing, upstream: H2Upstream, name: str
) -> None:
    provider = routing.provider(upstream.url)
    warm(trusting, provider.model())
    upstream.queue, arrived = [SURVIVED[name]], len(upstream.requests)
    answer = trusting.http.post(CHAT, content=chat(provider.model()))
    assert (answer.status_code, answer.content) == (200, ANSWER)
    assert answer.headers["x-gateway-attempts"] == "1"
    assert len(upstream.requests) - arrived == 2
    told(trusting, ROWS[name], answer.headers["x-gateway-request-id"])
    settled(trusting, provider, None, requests=WARM_UP + 1)


def test_what_was_refused_may_be_any_post(trusting: Gateway, routing: Routing, upstream: H2Upstream) -> None:
    """By its own word the provider did nothing, so nothing is done twice."""
    provider = routing.provider(upstream.url)
    for script in (refused, not_processed):
        upstream.queue = [script]
        answer = trusting.http.post(
            "/v1/images/generations", json={"model": provider.model("img"), "prompt": "x"}
        )
        assert (answer.status_code, answer.content, upstream.queue) == (200, ANSWER, [])


def test_a_post_on_a_connection_that_died_is_not_sent_again(
    trusting: Gateway, routing: Routing, upstream: H2Upstream
) -> None:
    provider = routing.provider(upstream.url)
    warm(trusting, provider.model())
    upstream.queue, arrived = [dies], len(upstream.requests)
    answer = trusting.http.post(
        "/v1/images/generations", json={"model": provider.model("img"), "prompt": "x"}
    )
    assert (answer.status_code, error_of(answer.content)["code"]) == (502, "upstream_reset")
    assert len(upstream.requests) - arrived == 1


def test_a_refusal_for_ever_is_a_failure(trusting: Gateway, routing: Routing, upstream: H2Upstream) -> None:
    upstream.script = refused
    provider = routing.provider(upstream.url)
    answer = ask(trusting, provider.model(), JSON)
    assert (answer.status, error_of(answer.body)["code"]) == (502, "upstream_reset")
    assert len(upstream.requests) == 2
    settled(trusting, provider, "upstream_reset")


@pytest.mark.parametrize("name", LANES)
def test_the_next_lane_is_tried(trusting: Gateway, routing: Routing, upstream: H2Upstream, name: str) -> None:
    fault, upstream.script = ROWS[name], LANES[name]
    bad = routing.provider(upstream.url)
    answer = ask(trusting, bad.model(), JSON)
    saw(fault, JSON, answer, bad.keys["main"])
    told(trusting, fault, answer.header("x-gateway-request-id"))
    settled(trusting, bad, fault.error)
    with Upstream(script=json_answer(ANSWER)) as other:
        good = routing.provider(other.url)
        answer = ask(trusting, routing.alias(bad.model("other"), good.model()), JSON)
        assert (answer.status, answer.body, answer.header("x-gateway-attempts")) == (200, ANSWER, "2")
        settled(trusting, good, None)


@pytest.mark.parametrize("name", BROKEN)
def test_a_stream_that_breaks_is_a_cut(
    trusting: Gateway, routing: Routing, upstream: H2Upstream, name: str
) -> None:
    fault = ROWS[name]
    with Upstream(script=sse(GOOD)) as other:
        for script in BROKEN[name]:
            upstream.script = script
            bad, good = routing.provider(upstream.url), routing.provider(other.url)
            answer = ask(trusting, routing.alias(bad.model(), good.model()), STREAM)
            saw(fault, STREAM, answer, bad.keys["main"])
            told(trusting, fault, answer.header("x-gateway-request-id"))
            settled(trusting, bad, fault.error)
        assert other.requests == []


def test_a_file_that_was_reset_is_no_whole_file(
    trusting: Gateway, routing: Routing, upstream: H2Upstream
) -> None:
    def script(stream: H2Stream) -> None:
        stream.headers("application/octet-stream")
        stream.data(b"half of it")
        stream.reset(ErrorCodes.NO_ERROR)

    upstream.script = script
    provider = routing.provider(upstream.url)
    with Wire(trusting.port) as wire:
        wire.head("GET", "/v1/files/f/content", [("x-gateway-provider", provider.name)])
        answer = wire.answer()
    assert (answer.body, answer.end) == (b"half of it", End.CUT)


def test_goaway_idle(trusting: Gateway, routing: Routing, upstream: H2Upstream) -> None:
    """The connection stays open, and takes nothing more."""

    upstream.script = goes_away_behind
    provider = routing.provider(upstream.url)
    warm(trusting, provider.model())
    assert upstream.connections == WARM_UP
    answer = trusting.http.post(CHAT, content=chat(provider.model()))
    told(trusting, ROWS["h2-goaway-idle"], answer.headers["x-gateway-request-id"])
    settled(trusting, provider, None, requests=WARM_UP + 1)


def test_goaway_mid_stream(trusting: Gateway, routing: Routing, upstream: H2Upstream) -> None:
    upstream.script = goes_away_and_on
    provider = routing.provider(upstream.url)
    answer = ask(trusting, provider.model(), STREAM)
    assert (answer.body, answer.end) == (delta("a") + FINISH + DONE, End.WHOLE)
    told(trusting, ROWS["h2-goaway-mid-stream"], answer.header("x-gateway-request-id"))
    settled(trusting, provider, None)
