"""uvicorn's socket: the engine takes whole requests, the parser everything else, on one connection."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from harness.chat import CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway, until
from harness.mock import Mock
from harness.wire import End, Wire

KEY = "sk-direct"


@pytest.fixture(scope="module", params=[1, 2], ids=["the loop's thread", "engine threads"])
def gateway(
    request: pytest.FixtureRequest, mock: Mock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """With one worker requests run on the event loop's own thread, with more on theirs."""
    keys = [{"name": "k", "value": KEY}]
    config = {"providers": {"p": {"kind": "openai-compatible", "base_url": mock.url, "keys": keys}}}
    folder = tmp_path_factory.mktemp("direct")
    flags = ["--workers", str(request.param)]
    with Gateway(folder, Door.UVICORN, config=config, flags=flags) as running:
        yield running


def message(port: int, body: bytes, *lines: str, target: str = CHAT) -> bytes:
    """A request in one piece."""
    head = [f"POST {target} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json"]
    head += [f"Content-Length: {len(body)}", *lines, "", ""]
    return "\r\n".join(head).encode() + body


def echoed(text: str) -> bytes:
    return json.dumps({"model": "p/echo", "messages": [{"role": "user", "content": text}]}).encode()


def test_all_ways_to_send_a_request_take_turns_on_one_connection(gateway: Gateway, mock: Mock) -> None:
    mock.script(KEY)
    port = gateway.port
    with Wire(port) as wire:
        for number in range(3):
            whole = message(port, echoed(f"whole {number}"))
            wire.write(whole)
            assert b"whole" in wire.answer().body
            head, _, body = message(port, echoed("apart")).partition(b"\r\n\r\n")
            wire.write(head + b"\r\n\r\n")
            wire.write(body)
            assert b"apart" in wire.answer().body
            slow = message(port, echoed("slow"))
            for part in (slow[:20], slow[20:-5], slow[-5:]):
                wire.write(part)
                time.sleep(0.03)  # longer than the end of a body is waited for
            assert b"slow" in wire.answer().body
            wire.post(CHAT, echoed("special"), [("Expect", "100-continue")])
            assert b"special" in wire.answer().body
            wire.head("GET", "/api/v1/providers")
            assert wire.answer().status == 200


def test_requests_sent_ahead_are_answered_in_their_order(gateway: Gateway, mock: Mock) -> None:
    mock.script(KEY, latency_ms=20)
    port = gateway.port
    with Wire(port) as wire:
        wire.write(message(port, echoed("first")))
        time.sleep(0.005)
        wire.write(message(port, echoed("second")) + message(port, echoed("third")))
        for text in (b"first", b"second", b"third"):
            answer = wire.answer()
            assert (answer.status, text in answer.body) == (200, True), answer


def test_a_stream_is_framed_and_the_connection_stays(gateway: Gateway, mock: Mock) -> None:
    mock.script(KEY, chunks=40, chunk_bytes=200, chunk_ms=1)
    port = gateway.port
    with Wire(port) as wire:
        for _ in range(3):
            wire.write(message(port, chat("p/filler", stream=True)))
            answer = wire.answer()
            assert (answer.status, answer.end) == (200, End.WHOLE)
            assert answer.header("date") is not None
            assert answer.header("transfer-encoding") == "chunked"
            assert answer.body.endswith(b"data: [DONE]\n\n")
            assert answer.body.count(b"data: ") > 40


def test_a_cut_stream_has_no_last_chunk(gateway: Gateway, mock: Mock) -> None:
    mock.script(KEY, chunks=10, chunk_bytes=200, chunk_ms=1, cut_after=3)
    with Wire(gateway.port) as wire:
        wire.write(message(gateway.port, chat("p/filler", stream=True)))
        answer = wire.answer()
        assert answer.end is End.CUT
        assert b"error" in answer.body


def test_a_client_that_leaves_cancels_its_request(gateway: Gateway, mock: Mock) -> None:
    mock.script(KEY, chunks=2000, chunk_bytes=200, chunk_ms=10)
    with Wire(gateway.port) as wire:
        wire.write(message(gateway.port, chat("p/filler", stream=True), "x-request-id: left-early"))
        wire.open()
        wire.reset()

    def cancelled() -> bool:
        rows = gateway.admin.get("/api/v1/logs").json()["items"]
        return any(row["outcome"] == "cancelled" for row in rows)

    until(cancelled, "the record of a cancelled request")


def test_a_client_that_reads_late_gets_everything(gateway: Gateway, mock: Mock) -> None:
    mock.script(KEY, chunks=10_000, chunk_bytes=1000, chunk_ms=0)
    with Wire(gateway.port, receive_buffer=4096) as wire:
        wire.write(message(gateway.port, chat("p/filler", stream=True)))
        wire.open()
        time.sleep(0.3)
        seen = sum(len(piece) for piece in wire.pieces())
        assert wire.end is End.WHOLE
        assert seen > 10_000_000


def test_a_bound_on_heads_holds_for_whole_requests_too(gateway: Gateway) -> None:
    with Wire(gateway.port) as wire:
        wire.write(message(gateway.port, chat("p/echo"), "x-long: " + "a" * 200_000))
        assert wire.answer().status == 431
        assert wire.at_end()
