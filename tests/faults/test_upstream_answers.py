"""Statuses, JSON and compressed bodies of providers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence

import pytest
from provoke import Case, alone, error_of, lives_on
from upstream_answer_table import FAULTS

from harness.chat import ANSWER, CHAT, DONE, FINISH, chat, delta
from harness.doors import Door
from harness.faults import Fault
from harness.gateway import Gateway
from harness.routing import Routing
from harness.upstream import Exchange, Script, Upstream, chunk, json_answer, raw, sse, status, stream_head
from harness.wire import End, Wire

JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
HTML = ("content-type", "text/html; charset=utf-8")
PAGE = b"<!doctype html>\n<title>502</title><p>nginx/1.25 on 10.1.2.3:8080</p>\n"
LARGE = json.dumps({"error": {"message": "x" * 200_000}}).encode()
REFUSAL = b'{ "error" : {"message": "no  such" , "code": null } }\n'
GZIP = ("content-encoding", "gzip")
ACCEPTS = [("Accept-Encoding", "br;q=0.9, gzip, zstd")]
BOMB = gzip.compress(b"\0" * 100_000_000, 9)
STREAM = delta("a") + FINISH + DONE
CODED = {
    "gzip": (gzip.compress(ANSWER), gzip.compress(STREAM)),
    "br": (b"\x0b\x02\x80" + ANSWER[:6] + b"\x03", b"\x0b\x02\x80" + STREAM[:6] + b"\x03"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\x00" + ANSWER, b"\x28\xb5\x2f\xfd\x04\x00" + STREAM),
}
"""Nobody on the way reads them; real ones are for the client."""


def then_silence(data: bytes) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.wait_until_left()
        exchange.close()

    return script


def key_of(exchange: Exchange) -> str:
    return str(exchange.request.header("authorization")).removeprefix("Bearer ")


def echo(key: str) -> bytes:
    return f'{{"error":{{"message":"bad key {key}, {key}{key}","param":"{key[:-1]}"}}}}'.encode()


def masked(key: str) -> bytes:
    return echo(key).replace(key.encode(), b"*" * len(key))


def echoes(exchange: Exchange) -> None:
    """In a header, and over the borders of chunks."""
    key = key_of(exchange)
    body = echo(key)
    head = f"HTTP/1.1 401 No\r\ncontent-type: application/json\r\nx-you-sent: Bearer {key}\r\n"
    exchange.send(head.encode() + b"transfer-encoding: chunked\r\n\r\n")
    for at in range(0, len(body), 7):
        exchange.send(chunk(body[at : at + 7]))
    exchange.send(b"0\r\n\r\n")


def echoes_well(exchange: Exchange) -> None:
    json_answer(echo(key_of(exchange)))(exchange)


def coded_refusal(exchange: Exchange) -> None:
    status(401, gzip.compress(echo(key_of(exchange))), [GZIP])(exchange)


def stream_in(coding: str, body: bytes) -> Script:
    return sse(body, headers=[("content-encoding", coding)])


def said(code: int, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Case:
    return Case(script=status(code, body, headers), body=body, shows=dict(headers))


def good(body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Case:
    return Case(script=json_answer(body, headers), body=body, headers=ACCEPTS, shows=dict(headers))


CASES = {
    "429-seconds": said(429, REFUSAL, [("retry-after", "7"), ("x-ratelimit-remaining-requests", "0")]),
    "429-date": said(429, REFUSAL, [("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")]),
    "500-page": said(500, PAGE, [HTML]),
    "500-large": said(500, LARGE),
    "500-stands-still": Case(
        script=then_silence(b"HTTP/1.1 500 No\r\ncontent-length: 100\r\n\r\n{"), timeouts={"idle": "300ms"}
    ),
    "500-breaks-off": Case(script=raw(b"HTTP/1.1 500 No\r\ncontent-length: 100\r\n\r\n{", close=True)),
    "400": said(400, REFUSAL, [("x-why", "so")]),
    "401-echoes-the-key": Case(script=echoes, body=masked),
    "404-breaks-off": Case(script=raw(b"HTTP/1.1 404 No\r\ncontent-length: 100\r\n\r\nhalf", close=True)),
    "404-large": said(404, LARGE),
    "redirect": Case(
        script=status(307, b'<a href="http://10.0.0.1/">', [HTML, ("location", "http://10.0.0.1/v1/x")]),
        shows={"location": None},
    ),
    "json-broken": Case(script=json_answer(b'{"choices":[}')),
    "json-short-of-its-length": Case(
        script=raw(JSON_HEAD + b"content-length: 9000\r\n\r\n" + ANSWER, close=True)
    ),
    "json-without-last-chunk": Case(
        script=raw(JSON_HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunk(ANSWER), close=True)
    ),
    "json-cut-by-close": Case(script=raw(JSON_HEAD + b"\r\n" + ANSWER[:-20], close=True)),
    "page": Case(script=status(200, PAGE, [HTML])),
    "empty": Case(script=json_answer(b"")),
    "json-stands-still": Case(
        script=then_silence(JSON_HEAD + b"content-length: 100\r\n\r\n"), timeouts={"json": "300ms"}
    ),
    "byte-order-mark": good(b"\xef\xbb\xbf" + ANSWER),
    "json-echoes-the-key": Case(script=echoes_well, body=masked),
    "gzip-json": good(CODED["gzip"][0], [GZIP]),
    "gzip-for-nobody": Case(script=json_answer(CODED["gzip"][0], [GZIP])),
    "gzip-bomb": good(BOMB, [GZIP]),
    "gzip-stream": Case(script=stream_in("gzip", CODED["gzip"][1]), body=CODED["gzip"][1], headers=ACCEPTS),
    "gzip-stream-cut": Case(
        script=sse(CODED["gzip"][1][:20], end=False, headers=[GZIP]),
        body=CODED["gzip"][1][:20],
        headers=ACCEPTS,
    ),
    "gzip-401": Case(script=coded_refusal, headers=ACCEPTS, shows={"content-encoding": None}),
    "gzip-503": Case(script=status(503, gzip.compress(REFUSAL), [GZIP]), shows={"content-encoding": None}),
}
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
