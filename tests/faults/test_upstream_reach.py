"""Providers that cannot be reached, and answers that cannot be told from the next one."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from provoke import Case, alone, error_of, lives_on, settled, told
from upstream_reach_table import FAULTS, HTTP2

from harness.certificates import Certificates, make_certificates
from harness.chat import ANSWER, CHAT, chat
from harness.doors import Door
from harness.faults import Fault
from harness.gateway import Gateway
from harness.routing import Routing
from harness.upstream import Exchange, Script, Upstream, chunk, json_answer, raw

SOON = {"headers": "300ms", "connect": "2s"}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
LENGTH = b"content-length: %d\r\n" % len(ANSWER)
CHUNKED = b"transfer-encoding: chunked\r\n"
WARM_UP = 24
"""More requests in a row than a gateway has engine threads, so that each thread has a connection."""


def silence(exchange: Exchange) -> None:
    exchange.wait_until_left()
    exchange.close()


def half_a_head(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\ncontent-ty")
    silence(exchange)


def whole(head: bytes, body: bytes = ANSWER, *, close: bool = False) -> Case:
    return Case(script=raw(head + b"\r\n" + body, close=close), body=ANSWER)


def refusing_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return int(closed.getsockname()[1])


CASES = {
    "refused": Case(url=f"http://127.0.0.1:{refusing_port()}/v1"),
    "no-such-name": Case(url="http://nowhere.invalid/v1"),
    "says-nothing": Case(script=silence, timeouts=SOON),
    "half-a-head": Case(script=half_a_head, timeouts=SOON),
    "head-breaks-off": Case(script=raw(b"HTTP/1.1 200 OK\r\ncontent-ty", close=True)),
    "closes": Case(script=raw(b"", close=True)),
    "resets": Case(script=lambda exchange: exchange.reset()),
    "not-http": Case(script=raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", close=True)),
    "header-bomb": Case(script=raw(HEAD + b"x-bomb: " + b"x" * 1_000_000 + b"\r\n\r\n", close=True)),
    "two-lengths": Case(script=raw(HEAD + LENGTH + b"content-length: 7\r\n\r\n" + ANSWER)),
    "same-length-twice": whole(HEAD + LENGTH + LENGTH),
    "length-and-chunked": whole(
        HEAD + b"content-length: 7\r\n" + CHUNKED, chunk(ANSWER[:9]) + chunk(ANSWER[9:]) + b"0\r\n\r\n"
    ),
    "coded-transfer": Case(
        script=raw(HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n" + chunk(ANSWER) + b"0\r\n\r\n")
    ),
    "broken-chunk": Case(script=raw(HEAD + CHUNKED + b"\r\n" + chunk(ANSWER) + b"zz\r\n\r\n")),
    "length-too-long": Case(script=raw(HEAD + b"content-length: 9000\r\n\r\n" + ANSWER, close=True)),
    "length-too-short": Case(script=raw(HEAD + b"content-length: 9\r\n\r\n" + ANSWER)),
    "http-1.0": whole(HEAD.replace(b"1.1", b"1.0"), close=True),
    "trailers": whole(HEAD + CHUNKED + b"trailer: x-sum\r\n", chunk(ANSWER) + b"0\r\nx-sum: 1\r\n\r\n"),
    "interim-answers": whole(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
        b"HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n" + HEAD + LENGTH
    ),
    "switches-protocols": Case(
        script=raw(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", close=True
        )
    ),
}
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


def serving(made: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain, made.key)
    return context


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
    foreign = b'{"choices":[],"foreign":true}'
    upstream.script = raw(
        HEAD + LENGTH + b"\r\n" + ANSWER + HEAD + b"content-length: %d\r\n\r\n" % len(foreign) + foreign
    )
    provider = routing.provider(upstream.url)
    answers = [gateway.http.post(CHAT, content=chat(provider.model())) for _ in range(WARM_UP)]
    assert [answer.content for answer in answers] == [ANSWER] * WARM_UP
    assert upstream.connections == WARM_UP
    told(gateway, ROWS["second-answer"], answers[-1].headers["x-gateway-request-id"])
    settled(gateway, provider, None, requests=WARM_UP)
