"""Clients that bend HTTP/1.1: one reading of every request, and nothing smuggled behind one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from client_framing_table import FAULTS
from client_stage import (
    HEADERS_LIMIT,
    SMUGGLED,
    Driver,
    Outcome,
    Seen,
    Stage,
    drive,
    on_asgi,
    read,
    send,
    told,
)

from harness.chat import CHAT
from harness.doors import Door
from harness.faults import Fault

CHUNKED = "Transfer-Encoding: chunked"
TLS_HELLO = bytes.fromhex("16030102000100 0001fc0303") + bytes(32)


def chunked(
    body: bytes, *, size: bytes | None = None, behind: bytes = b"\r\n", last: bytes = b"0\r\n\r\n"
) -> bytes:
    """A body in one chunk, as well made as one says."""
    return (b"%x" % len(body) if size is None else size) + b"\r\n" + body + behind + last


def with_length(*lines: str | bytes, **how: object) -> Driver:
    """A request in order but for lines of its head."""
    return lambda stage: [stage.say([*lines, f"Content-Length: {len(stage.body)}"], stage.body, **how)]


def with_chunks(*codings: str | bytes, behind: bytes = b"") -> Driver:
    """One request for each coding, its body in one good chunk."""

    def driver(stage: Stage) -> Iterator[Seen]:
        for coding in codings:
            yield stage.say([coding], chunked(stage.body) + behind)

    return driver


def with_body(*frame: Callable[[bytes], bytes]) -> Driver:
    """One chunked request for each way to frame its body."""

    def driver(stage: Stage) -> Iterator[Seen]:
        for made in frame:
            yield stage.say([CHUNKED], made(stage.body))

    return driver


def with_lengths(*values: str) -> Driver:
    """One request that has all these lengths; ``N`` stands for the true one."""

    def driver(stage: Stage) -> Iterator[Seen]:
        lines = [f"Content-Length: {value.replace('N', str(len(stage.body)))}" for value in values]
        yield stage.say(lines, stage.body)

    return driver


def several(*drivers: Driver) -> Driver:
    return lambda stage: [seen for driver in drivers for seen in driver(stage)]


def chunked_and_length(stage: Stage) -> Iterator[Seen]:
    """A reader by length sees the smuggled bytes in the body, one by chunks sees them behind it."""
    body = chunked(stage.body) + SMUGGLED
    for length in (len(body), 0, 5):
        for lines in ([CHUNKED, f"Content-Length: {length}"], [f"Content-Length: {length}", CHUNKED]):
            tag = stage.tag()
            with stage.wire() as wire:
                send(wire, stage.head(tag, lines) + body)
                yield Seen(tag, read(wire), stage.body)
                assert wire.at_end(), "nothing behind it is answered"


def trailers(stage: Stage) -> Iterator[Seen]:
    """None of them may be taken for a header: not by the gateway, and not by the provider."""
    lines = b"0\r\nx-gateway-provider: nobody\r\nx-trailing: yes\r\nauthorization: Bearer trailing\r\n\r\n"
    seen = stage.say([CHUNKED, "Trailer: x-trailing"], chunked(stage.body, last=lines))
    yield seen
    (arrived,) = stage.arrived(seen.tag)
    assert arrived.header("x-trailing") is None
    assert arrived.header("trailer") is None
    assert arrived.header("authorization") == f"Bearer {stage.provider.keys['main']}"


def chunk_extension(stage: Stage) -> Iterator[Seen]:
    yield stage.say(
        [CHUNKED], chunked(stage.body, size=b'%x;a=b;c="d"' % len(stage.body), last=b"0;e\r\n\r\n")
    )


def odd_methods(stage: Stage) -> Iterator[Seen]:
    yield stage.say([], first=f"TRACE {CHAT} HTTP/1.1")
    if stage.door is Door.NATIVE:
        for method in ("CONNECT", "FROB", "post"):
            yield stage.say([], first=f"{method} {CHAT} HTTP/1.1")
        return
    seen = stage.say([], first=f"FROB {CHAT} HTTP/1.1")
    seen.check(Outcome(400, "invalid_request"))


def elsewhere(stage: Stage) -> Iterator[Seen]:
    lines = [f"Content-Length: {len(stage.body)}"]
    yield stage.say(lines, stage.body, first=f"POST http://evil.example{CHAT} HTTP/1.1")
    admin = stage.say([], first="GET http://evil.example/api/v1/status HTTP/1.1")
    assert admin.answer is not None
    assert admin.answer.status == 403
    assert b"host_forbidden" in admin.answer.body


def pipelined(stage: Stage) -> Iterator[Seen]:
    yield from _both(
        stage, stage.head(second := stage.tag(), [f"Content-Length: {len(stage.body)}"]) + stage.body, second
    )


def pipelined_bad(stage: Stage) -> Iterator[Seen]:
    yield from _both(stage, b"no HTTP at all\r\n\r\n", None)


def _both(stage: Stage, behind: bytes, second: str | None) -> Iterator[Seen]:
    """A good request, and bytes behind it in the same write."""
    first = stage.tag()
    with stage.wire() as wire:
        send(wire, stage.head(first, [f"Content-Length: {len(stage.body)}"]) + stage.body + behind)
        yield Seen(first, read(wire), stage.body)
        if second is not None:
            yield Seen(second, read(wire), stage.body)
            return
        answer = read(wire)
        if stage.door is Door.NATIVE:
            Seen(first, answer).check(Outcome(400, "invalid_request"))
        else:
            assert answer is None
        assert wire.at_end()


def http_1_0(stage: Stage) -> Iterator[Seen]:
    tag = stage.tag()
    with stage.wire() as wire:
        lines = [f"Content-Length: {len(stage.body)}"]
        send(wire, stage.head(tag, lines, first=f"POST {CHAT} HTTP/1.0") + stage.body + SMUGGLED)
        yield Seen(tag, read(wire), stage.body)
        assert wire.at_end()


DRIVERS: dict[str, Callable[[Stage], Iterable[Seen]]] = {
    "header-bomb-size": with_length(b"x-big: " + b"y" * 1_000_000),
    "header-bomb-total": with_length(*[f"x-{n}: " + "y" * 1000 for n in range(HEADERS_LIMIT // 1000 + 1)]),
    "header-bomb-count": with_length(*[f"x-{n}: y" for n in range(101)]),
    "long-target": with_length(first=f"POST {CHAT}?{'y' * HEADERS_LIMIT} HTTP/1.1"),
    "space-before-colon": with_length("x-a : b"),
    "folded-header": several(with_length("x-a: b\r\n c"), with_length("x-a: b\r\n\tc")),
    "nul-in-header": with_length(b"x-a: b\0c"),
    "bare-cr": with_length(b"x-a: b\rx-b: c"),
    "no-colon": with_length("x-a"),
    "bare-lf": with_length(end=b"\n"),
    "two-hosts": with_length("Host: localhost"),
    "no-host": with_length(host=False),
    "garbage": lambda stage: [stage.say([], first=TLS_HELLO), stage.say([], first=b"\x00\x01\x02")],
    "no-version": lambda stage: [stage.say([], first="GET /v1/models", host=False)],
    "two-lengths-equal": with_lengths("N", "N"),
    "two-lengths": several(with_lengths("N", "5"), with_lengths("5", "N"), with_lengths("N", "0")),
    "length-list": several(with_lengths("N, N"), with_lengths("5, N")),
    "length-signed": several(with_lengths("+N"), with_lengths("-1")),
    "length-overflow": with_lengths("99999999999999999999999"),
    "chunked-and-length": chunked_and_length,
    "coded-below-chunked": with_chunks(
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: ,chunked",
    ),
    "chunked-twice": lambda stage: [stage.say([CHUNKED, CHUNKED], chunked(stage.body))],
    "chunked-first": with_chunks("Transfer-Encoding: chunked, identity", behind=SMUGGLED),
    "unknown-coding": several(
        with_chunks("Transfer-Encoding: xchunked", behind=SMUGGLED),
        with_length("Transfer-Encoding: xchunked"),
    ),
    "coding-after-vertical-tab": with_chunks(b"Transfer-Encoding: \x0bchunked", behind=SMUGGLED),
    "coding-folded": with_chunks("Transfer-Encoding:\r\n chunked", behind=SMUGGLED),
    "coding-with-space": with_chunks(
        "Transfer-Encoding:   chunked ", "Transfer-Encoding:\tchunked", "Transfer-Encoding:CHUNKED"
    ),
    "chunked-in-1.0": lambda stage: [
        stage.say([CHUNKED], chunked(stage.body) + SMUGGLED, first=f"POST {CHAT} HTTP/1.0")
    ],
    "chunk-size-no-hex": with_body(
        *[lambda body, size=size: chunked(body, size=size) for size in (b"zz", b"-5", b"0x46", b"")]
    ),
    "chunk-size-overflow": with_body(lambda body: chunked(body, size=b"F" * 17)),
    "chunk-size-huge": with_body(lambda body: chunked(body, size=b"F" * 16)),
    "chunk-without-end": with_body(
        lambda body: chunked(body, behind=b""), lambda body: chunked(body, behind=b"xx")
    ),
    "chunk-lf": with_body(lambda body: b"%x\n%b\r\n0\r\n\r\n" % (len(body), body)),
    "chunk-extension": chunk_extension,
    "chunk-extension-bomb": with_body(
        lambda body: chunked(body, size=b"%x;%b" % (len(body), b"a" * 100_000))
    ),
    "trailers": trailers,
    "trailer-bomb": with_body(lambda body: chunked(body, last=b"0\r\n" + b"x-a: b\r\n" * 125_000 + b"\r\n")),
    "absolute-target": with_length(first=f"POST http://localhost{CHAT} HTTP/1.1"),
    "absolute-target-elsewhere": elsewhere,
    "connect": lambda stage: [stage.say([], first="CONNECT 127.0.0.1:22 HTTP/1.1")],
    "odd-methods": odd_methods,
    "http-1.0": http_1_0,
    "unknown-version": with_length(first=f"POST {CHAT} HTTP/3.7"),
    "pipelined": pipelined,
    "pipelined-bad": pipelined_bad,
    "upgrade-h2c": with_length(
        "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"
    ),
}

_UNREAD = Outcome(400, "invalid_request")
_SERVED = Outcome(200, None, "ok", asked=True)
_NOT_JSON = Outcome(400, "invalid_json", "error", "invalid_json")
_NOT_FOR_US = Outcome(403, "host_forbidden", "error", "host_forbidden")
DIFFERENCES = {
    **on_asgi("header-bomb-count", _SERVED),
    **on_asgi("bare-lf", _UNREAD),
    ("no-version", Door.UVICORN): Outcome(400, "invalid_request", "error", "invalid_request"),
    ("no-version", Door.PYTHON): _NOT_FOR_US,
    **on_asgi("two-lengths-equal", _UNREAD),
    **on_asgi("chunked-and-length", _UNREAD),
    **on_asgi("chunked-twice", _UNREAD),
    **on_asgi("chunked-in-1.0", _SERVED),
    **on_asgi("chunk-size-no-hex", _UNREAD),
    **on_asgi("chunk-size-overflow", _UNREAD),
    **on_asgi("chunk-without-end", _UNREAD),
    **on_asgi("chunk-lf", _UNREAD),
    **on_asgi("chunk-extension-bomb", _SERVED),
    **on_asgi("trailer-bomb", Outcome(431, "headers_too_large")),
    **on_asgi("connect", _UNREAD),
    ("odd-methods", Door.UVICORN): Outcome(404, "route_not_found", "error", "route_not_found"),
    ("odd-methods", Door.PYTHON): Outcome(501, "not_supported", "error", "not_supported"),
    **on_asgi("pipelined-bad", _SERVED),
    **on_asgi("upgrade-h2c", _NOT_JSON),
}


@pytest.mark.kind("headers_too_large", "invalid_request", "route_not_found", "host_forbidden")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_client_that_bends_http(stage: Stage, fault: Fault) -> None:
    drive(stage, fault, DRIVERS[fault.id], DIFFERENCES)


def test_every_row_is_driven_and_every_difference_is_told() -> None:
    assert DRIVERS.keys() == {fault.id for fault in FAULTS}
    assert DIFFERENCES.keys() == told(FAULTS)
