"""How each row of ``upstream_stream_table.py`` is provoked."""

from __future__ import annotations

import threading

from provoke import Case

from harness.chat import DONE, FINISH, ROLE, delta, event
from harness.upstream import Exchange, Script, chunk, raw, sse, stream_head

IDLE = {"idle": "300ms"}
SEEN = threading.Event()
OLD_HEAD = b"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
ERROR = event({"error": {"message": "overloaded", "type": "server_error", "code": None}})

MARK = b"\xef\xbb\xbf"
WHOLE = ROLE + delta("a") + FINISH + DONE
HALF = delta("only a half of it")[:-9]
CHARACTER = '"content":"é🐎"'.encode()[:-3]
LONG = delta("x" * 100_000)[:-30_000]
LARGE = delta("x" * 5_000_000) + FINISH + DONE
RESPONSE = (
    b'event: response.created\ndata: {"type":"response.created","response":{"status":"in_progress"}}\n\n'
    b'event: response.completed\ndata: {"type":"response.completed","response":{"status":"completed","text":"'
    + b"x" * 200_000
    + b'","usage":{"input_tokens":5,"output_tokens":6}}}\n\n'
)
COMMENTED = (
    b": PROCESSING\n\nretry: 10\nid: 7\nevent: message\n"
    + ROLE
    + b":\n\n\n"
    + delta("a")
    + b"id: 8\n"
    + FINISH
    + DONE
)


def coded(code: str | None, kind: str | None) -> bytes:
    return event({"error": {"message": "no", "type": kind, "param": None, "code": code}})


def silent_after(data: bytes) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + data)
        exchange.wait_until_left()
        exchange.close()

    return script


def in_a_chunk(exchange: Exchange) -> None:
    exchange.send(stream_head() + chunk(delta("a")) + b"80\r\n" + delta("b")[:20])
    exchange.close()


def by_reset(seen: threading.Event) -> Script:
    """Once the client has the first event: what a reset overtakes is lost in the kernel."""

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(delta("a")))
        assert seen.wait(20)
        exchange.reset()

    return script


def echoed_event(key: str) -> bytes:
    return event({"error": {"message": f"Incorrect API key provided: {key}"}})


def echoing(exchange: Exchange) -> None:
    key = str(exchange.request.header("authorization")).removeprefix("Bearer ")
    sse(echoed_event(key)[:60], echoed_event(key)[60:])(exchange)


def trailing(exchange: Exchange) -> None:
    exchange.send(stream_head([("trailer", "x-sum")]) + chunk(WHOLE) + b"0\r\nx-sum: 1\r\n\r\n")


def case(script: Script, body: bytes | None = None, **more: object) -> Case:
    return Case(script=script, body=body, stream=True, **more)  # type: ignore[arg-type]


def relayed(data: bytes, *more: bytes) -> Case:
    return case(sse(data, *more), data + b"".join(more))


CASES = {
    "stream-silent": case(silent_after(b""), timeouts=IDLE),
    "stream-empty": case(sse()),
    "stream-cut-early": Case(script=sse(ROLE, end=False), body=ROLE, stream=True),
    "error-first": relayed(ROLE, ERROR),
    "error-echoes-the-key": Case(script=echoing, body=lambda key: echoed_event("*" * len(key)), stream=True),
    "error-behind-a-mark": relayed(MARK + ERROR),
    "error-at-the-limit": relayed(ROLE, coded("rate_limit_exceeded", "requests")),
    "error-of-the-key": relayed(coded("invalid_api_key", "invalid_request_error")),
    "error-of-the-client": relayed(ROLE, coded(None, "invalid_request_error")),
    "error-of-the-filter": relayed(ROLE, coded("content_filter", None)),
    "error-later": relayed(ROLE, delta("a"), ERROR),
    "error-then-cut": case(sse(ROLE + delta("a"), ERROR, end=False), ROLE + delta("a") + ERROR),
    "cut-in-an-event": case(sse(ROLE, delta("a"), HALF, end=False), ROLE + delta("a")),
    "cut-in-a-character": case(
        sse(delta("a") + b'data: {"choices":[{"delta":{' + CHARACTER, end=False), delta("a")
    ),
    "cut-in-a-chunk": case(in_a_chunk, delta("a")),
    "cut-between-events": case(sse(ROLE + delta("a"), end=False), ROLE + delta("a")),
    "cut-by-reset": case(by_reset(SEEN), delta("a"), gate=SEEN),
    "cut-in-a-long-event": case(sse(delta("a"), LONG, end=False), delta("a") + LONG),
    "ends-without-finish": case(sse(ROLE, delta("a")), ROLE + delta("a")),
    "ends-by-close": case(raw(OLD_HEAD + delta("a"), close=True), delta("a")),
    "stands-still": case(silent_after(chunk(delta("a"))), delta("a"), timeouts=IDLE),
    "no-done": relayed(ROLE, delta("a"), FINISH),
    "no-finish": relayed(ROLE, delta("a"), DONE),
    "ends-late": case(silent_after(chunk(WHOLE)), WHOLE, timeouts=IDLE),
    "more-behind-done": relayed(WHOLE, b": bye\n\n", delta("late"), b"\n\ndata: half"),
    "cut-behind-done": case(sse(WHOLE, end=False), WHOLE),
    "http-1.0-stream": case(raw(OLD_HEAD + WHOLE, close=True), WHOLE),
    "line-feeds": relayed(WHOLE),
    "carriage-returns": relayed(WHOLE.replace(b"\n", b"\r")),
    "both-line-ends": relayed(WHOLE.replace(b"\n", b"\r\n")),
    "comments": relayed(COMMENTED),
    "stream-behind-a-mark": relayed(MARK + WHOLE),
    "type-in-capitals": case(
        raw(b"HTTP/1.0 200 OK\r\nContent-Type: Text/Event-Stream\r\n\r\n" + WHOLE, close=True), WHOLE
    ),
    "large-event": relayed(LARGE),
    "large-last-event": Case(script=sse(RESPONSE), body=RESPONSE, stream=True, path="/v1/responses"),
    "small-chunks": relayed(*(WHOLE[at : at + 1] for at in range(len(WHOLE)))),
    "stream-trailers": case(trailing, WHOLE, shows={"trailer": None, "x-sum": None}),
}
