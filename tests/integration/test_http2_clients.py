"""Clients that speak HTTP/2 to the native listener, by prior knowledge: answers, cuts, clocks and floods."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hyperframe.frame import Frame, HeadersFrame, RstStreamFrame

from harness.chat import ANSWER, CHAT, DONE, FINISH, ROLE, chat, delta
from harness.doors import Door
from harness.gateway import Gateway, until
from harness.routing import Routing
from harness.upstream import Exchange, Upstream, chunk, json_answer, sse, stream_head
from harness.wire import Wire
from harness.wire2 import Wire2, header_frames

pytestmark = pytest.mark.doors("native")

LIMITS = {"client_headers": "1s", "client_stall": "1s", "client_keepalive": "2s", "client_body_idle": "1s"}


@pytest.fixture
def hasty(folder: Path, upstream: Upstream) -> Iterator[Gateway]:
    """A gateway with short clocks, and the upstream as its provider ``p``."""
    provider = {"kind": "openai-compatible", "base_url": upstream.url, "keys": ["k-0123456789"]}
    config = {"limits": LIMITS, "providers": {"p": provider}}
    with Gateway(folder, Door.NATIVE, config=config) as running:
        yield running


def is_served(gateway: Gateway) -> bool:
    """Whether somebody else is served."""
    with Wire(gateway.port) as wire:
        wire.head("GET", "/healthz")
        return wire.answer().status == 200


def test_requests_of_every_kind_are_served(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    provider = routing.provider(upstream.url)
    upstream.queue += [json_answer(ANSWER), sse(ROLE, delta("a"), FINISH, DONE)]
    with Wire2(gateway.port) as wire:
        answer = wire.answer(wire.post(CHAT, chat(provider.model())))
        assert (answer.status, answer.body, answer.ended) == (200, ANSWER, True)
        assert answer.headers["content-length"] == str(len(ANSWER))
        stream = wire.answer(wire.post(CHAT, chat(provider.model(), stream=True)))
        assert (stream.body, stream.ended) == (ROLE + delta("a") + FINISH + DONE, True)
        admin = wire.answer(
            wire.start("GET", "/api/v1/providers?x=1", [("cookie", "a=1"), ("cookie", "b=2")], end=True)
        )
        assert (admin.status, admin.ended) == (200, True)
        assert any(item["name"] == provider.name for item in json.loads(admin.body)["items"])
        assert wire.answer(wire.start("GET", "/healthz", end=True)).status == 200
        missing = wire.answer(wire.start("GET", "/nowhere", end=True))
        assert missing.status == 404
    row = gateway.row(stream.headers["x-gateway-request-id"])
    assert (row["door"], row["status"], row["outcome"]) == ("native", 200, "ok")


def test_the_authority_is_the_host(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    """A Host header beside it says nothing, here and at the admin application."""
    provider = routing.provider(upstream.url)
    foreign = [(":authority", "evil.example"), ("host", "localhost")]
    with Wire2(gateway.port) as wire:
        refused = wire.answer(wire.post(CHAT, chat(provider.model()), foreign))
        assert (refused.status, json.loads(refused.body)["error"]["code"]) == (403, "host_forbidden")
        refused = wire.answer(wire.start("GET", "/api/v1/keys", foreign, end=True))
        assert (refused.status, json.loads(refused.body)["code"]) == (403, "host_forbidden")
    assert upstream.requests == []


def test_a_hundred_streams_run_at_once_on_one_connection(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    count = 100
    everyone = threading.Barrier(count + 1)

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(delta("a")))
        everyone.wait(20)
        exchange.send(chunk(FINISH + DONE) + b"0\r\n\r\n")

    upstream.script = script
    provider = routing.provider(upstream.url)
    with Wire2(gateway.port) as wire:
        wire.until(lambda: wire.connection.remote_settings.max_concurrent_streams == 128, "the settings")
        streams = [wire.post(CHAT, chat(provider.model(), stream=True)) for _ in range(count)]
        wire.until(lambda: all(wire.streams[stream].body for stream in streams), "every first event")
        everyone.wait(20)
        answers = [wire.answer(stream) for stream in streams]
    assert all(answer.ended and answer.body == delta("a") + FINISH + DONE for answer in answers)


@pytest.mark.kind("upstream_cut")
def test_a_cut_is_a_reset_behind_its_error_event(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    go = threading.Event()

    def script(exchange: Exchange) -> None:
        if b"whole" in exchange.request.body:
            exchange.send(stream_head() + chunk(delta("a")))
            go.wait(20)
            exchange.send(chunk(FINISH + DONE) + b"0\r\n\r\n")
        else:
            exchange.send(stream_head() + chunk(delta("a") * 2000))
            exchange.close()

    upstream.script = script
    provider = routing.provider(upstream.url)
    with Wire2(gateway.port) as wire:
        other = wire.post(CHAT, chat(provider.model(), stream=True, user="whole"))
        wire.until(lambda: bool(wire.streams[other].body), "the other's first event")
        for _ in range(5):
            cut = wire.answer(wire.post(CHAT, chat(provider.model(), stream=True)))
            assert cut.reset == 2, "INTERNAL_ERROR"
            assert not cut.ended
            whole = delta("a") * 2000
            assert cut.body.startswith(whole), "all that came is relayed, past the client's first window"
            error = json.loads(cut.body.removeprefix(whole).removeprefix(b"data: "))
            assert error["error"]["code"] == "upstream_cut"
        go.set()
        assert wire.answer(other).body == delta("a") + FINISH + DONE, "the connection's others are unharmed"
    row = gateway.row(cut.headers["x-gateway-request-id"])
    assert (row["outcome"], row["error"]) == ("cut", "upstream_cut")


def test_a_client_that_resets_its_stream_cancels_the_request(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    left: list[bool] = []

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(delta("a")))
        left.append(exchange.wait_until_left())
        exchange.close()

    upstream.script = script
    provider = routing.provider(upstream.url)
    with Wire2(gateway.port) as wire:
        stream = wire.post(CHAT, chat(provider.model(), stream=True))
        wire.until(lambda: bool(wire.streams[stream].body), "the first event")
        wire.reset(stream)
        assert until(lambda: left, "the end of the upstream's request") == [True]
        assert wire.answer(wire.start("GET", "/healthz", end=True)).status == 200


def test_trailers_of_a_request_go_nowhere(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    body = chat(provider.model())
    with Wire2(gateway.port) as wire:
        stream = wire.start("POST", CHAT, [("content-type", "application/json")])
        wire.connection.send_data(stream, body)
        wire.connection.send_headers(stream, [("x-late", "1")], end_stream=True)
        wire.flush()
        answer = wire.answer(stream)
    assert (answer.status, answer.body, answer.trailers) == (200, ANSWER, [])
    assert upstream.requests[-1].header("x-late") is None


def test_a_header_list_over_the_limit_is_refused(gateway: Gateway) -> None:
    with Wire2(gateway.port) as wire:
        large = [(f"x-large-{n}", "v" * 8000) for n in range(9)]
        answer = wire.answer(wire.start("GET", "/healthz", large, end=True))
        assert answer.status == 431
        assert wire.answer(wire.start("GET", "/healthz", end=True)).status == 200, "and nobody else is"


def test_endless_continuation_frames_end_the_connection(gateway: Gateway) -> None:
    with Wire2(gateway.port) as wire:
        block = wire.connection.encoder.encode([(f"x-{n}", "v" * 100) for n in range(20_000)])
        wire.write(*header_frames(wire, block, 1, 3000, end=False))
        assert wire.ends()
    assert is_served(gateway)


def test_headers_that_never_end_are_not_waited_for(hasty: Gateway) -> None:
    with Wire2(hasty.port, timeout=15) as wire:
        wire.until(lambda: wire.connection.remote_settings.max_concurrent_streams == 128, "the settings")
        block = wire.connection.encoder.encode(wire.fields("GET", "/healthz", ()))
        wire.write(*header_frames(wire, block, 1, 2, end=False))
        assert wire.ends()
    assert is_served(hasty)


def test_a_connection_without_requests_ends(hasty: Gateway) -> None:
    with Wire2(hasty.port, timeout=15) as wire:
        assert wire.answer(wire.start("GET", "/healthz", end=True)).status == 200
        assert wire.ends()


@pytest.mark.kind("request_timeout")
def test_a_body_that_stands_still_is_not_waited_for(hasty: Gateway) -> None:
    with Wire2(hasty.port, timeout=15) as wire:
        stream = wire.start("POST", CHAT, [("content-type", "application/json")])
        wire.connection.send_data(stream, b"{")
        wire.flush()
        answer = wire.answer(stream)
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (408, "request_timeout")


def test_a_reader_that_stands_still_loses_its_stream_alone(hasty: Gateway, upstream: Upstream) -> None:
    """Both streams have the same small window; one client gives back what it has read, for one of them."""
    go = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head())
        if b"stalled" in exchange.request.body:
            for _ in range(400):
                exchange.send(chunk(delta("x" * 1000)))
        else:
            exchange.send(chunk(delta("a")))
            go.wait(20)
        exchange.send(chunk(FINISH + DONE) + b"0\r\n\r\n")

    upstream.script = script
    with Wire2(hasty.port, window=20_000, reads=False, timeout=15) as wire:
        other = wire.post(CHAT, chat("p/m", stream=True))
        wire.until(lambda: bool(wire.streams[other].body), "the other's first event")
        stalled = wire.answer(wire.post(CHAT, chat("p/m", stream=True, user="stalled")))
        assert stalled.reset is not None
        assert not stalled.ended
        assert len(stalled.body) == 20_000
        go.set()
        assert wire.answer(other).body == delta("a") + FINISH + DONE
    row = hasty.row(stalled.headers["x-gateway-request-id"])
    assert row["outcome"] == "cancelled"


def test_a_client_that_answers_no_ping_is_gone(hasty: Gateway, upstream: Upstream) -> None:
    """Its request is cancelled at the provider, though its socket never said that it was closed."""
    left: list[bool] = []

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(delta("a")))
        left.append(exchange.wait_until_left())
        exchange.close()

    upstream.script = script
    with Wire2(hasty.port, timeout=15) as wire:
        stream = wire.post(CHAT, chat("p/m", stream=True))
        wire.until(lambda: bool(wire.streams[stream].body), "the first event")
        assert until(lambda: left, "the end of the upstream's request") == [True]
        row = hasty.row(wire.streams[stream].headers["x-gateway-request-id"])
    assert row["outcome"] == "cancelled"


def test_a_flood_of_resets_harms_its_own_connection_only(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """CVE-2023-44487: in one burst, seen before any request is, and spread, so that each one begins."""
    upstream.script = sse(delta("a"), FINISH, DONE)
    provider = routing.provider(upstream.url)

    def request(wire: Wire2, stream: int) -> list[Frame]:
        fields = [*wire.fields("POST", CHAT, ()), ("content-type", "application/json")]
        block = wire.connection.encoder.encode(fields)
        return [HeadersFrame(stream, data=block, flags=["END_HEADERS"]), RstStreamFrame(stream, 8)]

    with Wire2(gateway.port) as bystander, Wire2(gateway.port) as burst, Wire2(gateway.port) as spread:
        assert burst.beat()
        burst.write(*(frame for stream in range(1, 2001, 2) for frame in request(burst, stream)))
        assert not burst.beat()
        assert burst.goaway in (11, None), "ENHANCE_YOUR_CALM, where it is not lost with what nobody read"
        rounds = 0
        while rounds < 200 and spread.beat():
            start = 1 + 20 * rounds
            spread.write(
                *(frame for stream in range(start, start + 20, 2) for frame in request(spread, stream))
            )
            rounds += 1
        assert 10 <= rounds < 200, "not for a few, and not for ever"
        for _ in range(3):
            answer = bystander.answer(bystander.post(CHAT, chat(provider.model(), stream=True)))
            assert answer.body == delta("a") + FINISH + DONE


def test_a_drain_says_goodbye_and_finishes_what_runs(folder: Path, upstream: Upstream) -> None:
    go = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(delta("a")))
        go.wait(20)
        exchange.send(chunk(FINISH + DONE) + b"0\r\n\r\n")

    upstream.script = script
    provider = {"kind": "openai-compatible", "base_url": upstream.url, "keys": ["k-0123456789"]}
    with Gateway(folder, Door.NATIVE, config={"providers": {"p": provider}}) as gateway:
        with Wire2(gateway.port) as wire:
            stream = wire.post(CHAT, chat("p/m", stream=True))
            wire.until(lambda: bool(wire.streams[stream].body), "the first event")
            gateway.signal(signal.SIGTERM)
            wire.until(lambda: wire.goaway is not None, "GOAWAY")
            assert wire.goaway == 0
            go.set()
            wire.until(lambda: wire.streams[stream].over, "the stream's end")
            assert (wire.streams[stream].body, wire.streams[stream].ended) == (
                delta("a") + FINISH + DONE,
                True,
            )
        assert gateway.wait() == 0


def test_an_ordinary_client_speaks_it(gateway: Gateway, routing: Routing, upstream: Upstream) -> None:
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    with httpx.Client(http1=False, http2=True, trust_env=False, base_url=gateway.url) as client:
        answer = client.post(CHAT, content=chat(provider.model()))
        assert (answer.http_version, answer.content) == ("HTTP/2", ANSWER)
