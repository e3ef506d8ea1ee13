"""Bounds on what clients send: sizes, pauses, all bodies together."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from harness.chat import CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway, until
from harness.mock import Mock
from harness.wire import Wire

JSON = ("Content-Type", "application/json")
LIMIT = 64 * 1024


@pytest.fixture(scope="module")
def tight(door: Door, mock: Mock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with little room and less patience."""
    config = {
        "server": {"expose_headers": False},
        "providers": {"mock": {"base_url": mock.url, "keys": ["tight-key-0123456789"]}},
        "limits": {
            "json_body": LIMIT,
            "stream_body": 4 * LIMIT,
            "buffered": 100 * 1024,
            "client_body_idle": "400ms",
            "client_headers": "400ms",
            "client_keepalive": "1s",
            "answer": "8KiB",
        },
    }
    with Gateway(tmp_path_factory.mktemp(f"tight-{door}"), door, config=config) as gateway:
        yield gateway


def padded(size: int) -> bytes:
    """A chat request of so many bytes."""
    body = chat("mock/echo", note="")
    return chat("mock/echo", note="x" * (size - len(body)))


@pytest.mark.kind("body_too_large")
def test_a_json_body_over_the_limit_is_refused(tight: Gateway) -> None:
    assert tight.http.post(CHAT, content=padded(LIMIT)).status_code == 200
    answer = tight.http.post(CHAT, content=padded(LIMIT + 1))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.kind("body_too_large")
def test_an_announced_length_is_enough_to_refuse(tight: Gateway) -> None:
    """The body is not waited for; its first byte is, because an ASGI server says nothing before it."""
    with Wire(tight.port) as wire:
        wire.head("POST", CHAT, [JSON, ("Content-Length", str(LIMIT + 1))])
        wire.write(b"{")
        answer = wire.answer()
    assert (answer.status, b'"body_too_large"' in answer.body) == (413, True)


@pytest.mark.kind("body_too_large")
def test_a_body_without_a_length_is_counted(tight: Gateway) -> None:
    with Wire(tight.port) as wire:
        wire.head("POST", CHAT, [JSON, ("Transfer-Encoding", "chunked")])
        wire.write(b"%x\r\n%b\r\n" % (LIMIT + 1, b"x" * (LIMIT + 1)))
        answer = wire.answer()
    assert (answer.status, b'"body_too_large"' in answer.body) == (413, True)


@pytest.mark.kind("body_too_large")
@pytest.mark.compiled
def test_a_streamed_body_has_its_own_limit(tight: Gateway) -> None:
    headers = [("Content-Type", "application/octet-stream"), ("x-gateway-provider", "mock")]
    answer = tight.http.post("/v1/files", content=b"x" * (4 * LIMIT + 1), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
    with Wire(tight.port) as wire:
        wire.head("POST", "/v1/files", [*headers, ("Transfer-Encoding", "chunked")])
        part = b"x" * LIMIT
        for _ in range(5):
            wire.write(b"%x\r\n%b\r\n" % (len(part), part))
        counted = wire.answer()
    assert (counted.status, b'"body_too_large"' in counted.body) == (413, True)


@pytest.mark.kind("request_timeout")
def test_a_body_that_stands_still_is_not_waited_for(tight: Gateway) -> None:
    with Wire(tight.port) as wire:
        wire.head("POST", CHAT, [JSON, ("Content-Length", "500")])
        wire.write(b'{"model":')
        answer = wire.answer()
    assert (answer.status, b'"request_timeout"' in answer.body) == (408, True)


def test_a_body_that_drips_is_waited_for(tight: Gateway) -> None:
    body = chat("mock/echo")
    with Wire(tight.port, timeout=10) as wire:
        wire.head("POST", CHAT, [JSON, ("Content-Length", str(len(body)))])
        for start in range(0, len(body), 20):
            wire.write(body[start : start + 20])
            time.sleep(0.1)
        assert wire.answer().status == 200


@pytest.mark.doors("native")
def test_headers_that_stand_still_end_the_connection(tight: Gateway) -> None:
    """Native alone: uvicorn has no clock for headers."""
    with Wire(tight.port) as wire:
        wire.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: loc")
        answer = wire.answer()
        assert (answer.status, b'"request_timeout"' in answer.body) == (408, True)
        assert wire.at_end()


@pytest.mark.doors("native")
def test_an_idle_connection_ends(tight: Gateway) -> None:
    """Native alone: uvicorn keeps a connection for its own 75 s."""
    with Wire(tight.port) as wire:
        wire.post(CHAT, chat("mock/echo"))
        assert wire.answer().status == 200
        assert wire.at_end()


@pytest.mark.doors("native")
def test_headers_beyond_their_bound_are_refused(tight: Gateway) -> None:
    """Also while the client goes on sending them: it is heard out, so the answer is not lost."""
    with Wire(tight.port) as wire:
        wire.write(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n")
        for number in range(300):
            wire.write(b"x-%d: %b\r\n" % (number, b"y" * 1000))
        wire.write(b"\r\n")
        answer = wire.answer()
    assert (answer.status, b'"headers_too_large"' in answer.body) == (431, True)


@pytest.mark.kind("overloaded")
def test_all_bodies_together_are_bounded(tight: Gateway, mock: Mock) -> None:
    """Two requests hold their bodies while their provider thinks; a third finds no room, and later does."""
    mock.script("tight-key-0123456789", delay_ms=60_000)
    holders = [Wire(tight.port) for _ in range(2)]
    try:
        for holder in holders:
            holder.post(CHAT, padded(45_000))

        def full() -> bool:
            return tight.call("GET", "status")["engine"]["buffered_bytes"] >= 90_000

        until(full, "two bodies in memory")
        answer = tight.http.post(CHAT, content=padded(45_000))
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded")
        assert answer.headers["retry-after"] == "1"
    finally:
        for holder in holders:
            holder.close()
        mock.script("tight-key-0123456789")
    until(lambda: tight.call("GET", "status")["engine"]["buffered_bytes"] == 0, "room")
    assert tight.http.post(CHAT, content=padded(45_000)).status_code == 200


def test_headers_that_name_internals_can_be_hidden(tight: Gateway) -> None:
    answer = tight.http.post(CHAT, content=chat("mock/echo"))
    named = {name for name in answer.headers if name.startswith("x-gateway-")}
    assert named == {"x-gateway-request-id", "x-gateway-cache"}
