"""Statuses, JSON and compressed bodies of providers."""

from __future__ import annotations

import pytest
from provoke import Case, alone, error_of, lives_on
from upstream_answer_cases import ACCEPTS, BOMB, CASES, CODED, GZIP, HTML, good, stream_in
from upstream_answer_table import FAULTS

from harness.chat import CHAT, chat
from harness.doors import Door
from harness.faults import Fault
from harness.gateway import Gateway
from harness.routing import Routing
from harness.upstream import Upstream, json_answer, raw, status, stream_head
from harness.wire import End, Wire

OWN = {"redirect-of-a-file"}
"""Rows with a test of their own below."""


def test_every_row_has_its_case() -> None:
    assert {fault.id for fault in FAULTS} == CASES.keys() | OWN
    assert not CASES.keys() & OWN


def row(name: str) -> Fault:
    return next(fault for fault in FAULTS if fault.id == name)


DRIVEN = [fault for fault in FAULTS if fault.id in CASES]


@pytest.mark.parametrize("fault", DRIVEN, ids=lambda fault: fault.id)
def test_alone(gateway: Gateway, routing: Routing, door: Door, fault: Fault) -> None:
    alone(gateway, routing, door, fault, CASES[fault.id])


@pytest.mark.parametrize("fault", DRIVEN, ids=lambda fault: fault.id)
def test_with_another_lane(gateway: Gateway, routing: Routing, door: Door, fault: Fault) -> None:
    lives_on(gateway, routing, door, fault, CASES[fault.id])


@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_other_codings_are_treated_alike(gateway: Gateway, routing: Routing, door: Door, coding: str) -> None:
    whole, stream = CODED[coding]
    named = ("content-encoding", coding)
    alone(gateway, routing, door, row("gzip-json"), good(whole, [named]))
    alone(gateway, routing, door, row("gzip-for-nobody"), Case(script=json_answer(whole, [named])))
    case = Case(script=stream_in(coding, stream), body=stream, stream=True, headers=ACCEPTS)
    alone(gateway, routing, door, row("gzip-stream"), case)


def test_a_bomb_is_not_unpacked(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = json_answer(BOMB, [GZIP])
    model = routing.provider(upstream.url).model()
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(model), ACCEPTS)
        assert wire.answer().body == BOMB
        before = gateway.rss()
        for _ in range(3):
            wire.post(CHAT, chat(model), ACCEPTS)
            assert wire.answer().end is End.WHOLE
    assert gateway.rss() - before < 20 << 20


@pytest.mark.parametrize("place", ["elsewhere.example", "storage.example:8443", "own"])
@pytest.mark.compiled
def test_redirect_of_a_file(gateway: Gateway, routing: Routing, upstream: Upstream, place: str) -> None:
    target = f"127.0.0.1:{upstream.port}" if place == "own" else place
    upstream.script = status(302, b"there", [("location", f"http://{target}/signed?x=1"), HTML])
    provider = routing.provider(upstream.url)
    with Wire(gateway.port) as wire:
        wire.head("GET", "/v1/files/f/content", [("x-gateway-provider", provider.name)])
        answer = wire.answer()
    fault = row("redirect-of-a-file")
    assert (answer.status, answer.body) == (fault.status, b"there")
    assert answer.header("location") == (None if place == "own" else f"http://{place}/signed?x=1")
    logged = gateway.row(str(answer.header("x-gateway-request-id")))
    assert (logged["outcome"], logged["error"]) == (fault.row, fault.error)


@pytest.mark.doors("python")
def test_the_python_engine_serves_no_files(gateway: Gateway) -> None:
    answer = gateway.http.get("/v1/files/f/content")
    assert (answer.status_code, error_of(answer.content)["code"]) == (501, "not_supported")


def test_a_cut_of_a_compressed_stream_is_no_end(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """Whatever its head says: chunked, a length, or nothing but the end of the connection."""
    body = CODED["gzip"][1]
    upstream.script = raw(
        stream_head([GZIP]).replace(b"transfer-encoding: chunked", b"content-length: 900") + body, close=True
    )
    with Wire(gateway.port) as wire:
        wire.post(CHAT, chat(routing.provider(upstream.url).model(), stream=True), ACCEPTS)
        answer = wire.answer()
    assert (answer.body, answer.end) == (body, End.CUT)
