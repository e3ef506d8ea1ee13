"""Clients whose bodies are slow, too large, or not what they should be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from client_body_table import FAULTS
from client_stage import BODY_LIMIT, Driver, Outcome, Seen, Stage, drive, on_asgi, read, send, told

from harness.doors import Door
from harness.faults import Fault
from harness.wire import Wire

UPLOAD = "POST /v1/files HTTP/1.1"
SILENCE = Outcome(None)
HELD_S = 1.2
"""Longer than any clock of the gateway."""


def drip(wire: Wire, parts: Iterable[bytes]) -> None:
    """Send part after part, in time for the pause between two, until the gateway has had enough."""
    for part in parts:
        send(wire, part)
        if wire.has_more(0.1):
            return
    raise AssertionError("the gateway waited for all of it")


def half_a_body(stage: Stage) -> Iterator[Seen]:
    tag = stage.tag()
    with stage.wire() as wire:
        send(wire, stage.head(tag, ["Content-Length: 500"]) + b'{"model":')
        yield Seen(tag, read(wire))
        if stage.door is Door.NATIVE:
            assert wire.at_end()


def dripping_body(stage: Stage) -> Iterator[Seen]:
    for framing, parts in (
        ("Content-Length: 100", [b" "] * 100),
        ("Transfer-Encoding: chunked", [b"1\r\n \r\n"] * 100),
    ):
        tag = stage.tag()
        with stage.wire() as wire:
            send(wire, stage.head(tag, [framing]))
            drip(wire, parts)
            yield Seen(tag, read(wire))


def dripping_upload(stage: Stage) -> Iterator[Seen]:
    tag = stage.tag()
    lines = ["Content-Length: 100", f"x-gateway-provider: {stage.provider.name}"]
    with stage.wire() as wire:
        send(wire, stage.head(tag, lines, first=UPLOAD))
        drip(wire, [b" "] * 100)
        yield Seen(tag, read(wire), tried=stage.door.is_compiled)


def dripping_headers(stage: Stage) -> Iterator[Seen]:
    tag = stage.tag()
    head = stage.head(tag, [f"x-{number}: y" for number in range(100)])
    lines = head.splitlines(keepends=True)
    with stage.wire() as wire:
        if stage.door is Door.NATIVE:
            drip(wire, lines)
            yield Seen(tag, read(wire))
            assert wire.at_end()
            return
        send(wire, b"".join(lines[:10]))
        assert not wire.has_more(HELD_S)
        yield Seen(tag, None)


def silent_connection(stage: Stage) -> Iterator[Seen]:
    with stage.wire() as wire:
        if stage.door is Door.NATIVE:
            assert wire.at_end()
        else:
            assert not wire.has_more(HELD_S)
        yield Seen(stage.tag(), None)


def announces_too_much(stage: Stage) -> Iterator[Seen]:
    tag = stage.tag()
    with stage.wire() as wire:
        send(wire, stage.head(tag, [f"Content-Length: {BODY_LIMIT + 1}"]))
        if not stage.door.is_compiled or stage.door is Door.UVICORN:
            send(wire, b"{")
        yield Seen(tag, read(wire))


def sends_too_much(stage: Stage) -> Iterator[Seen]:
    size = BODY_LIMIT + 1
    yield stage.say(["Transfer-Encoding: chunked"], b"%x\r\n%b\r\n" % (size, b"x" * size))


def sends_it_all(stage: Stage) -> Iterator[Seen]:
    """A client that writes everything before it reads, as many do."""
    size = 40 * BODY_LIMIT
    tag = stage.tag()
    with stage.wire() as wire:
        send(wire, stage.head(tag, [f"Content-Length: {size}"]))
        for _ in range(40):
            send(wire, b"x" * BODY_LIMIT)
        yield Seen(tag, read(wire))


def promises_and_holds(stage: Stage) -> Iterator[Seen]:
    """Together they announce twice what the gateway may hold."""
    tags = [stage.tag() for _ in range(32)]
    wires = [Wire(stage.gateway.port) for _ in tags]
    try:
        for wire, tag in zip(wires, tags, strict=True):
            send(wire, stage.head(tag, [f"Content-Length: {BODY_LIMIT}"]) + b"{")
        stage.check_others()
        for wire, tag in zip(wires, tags, strict=True):
            yield Seen(tag, read(wire))
    finally:
        for wire in wires:
            wire.close()


def expects_continue(stage: Stage) -> Iterator[Seen]:
    tag = stage.tag()
    with stage.wire() as wire:
        send(wire, stage.head(tag, ["Expect: 100-continue", f"Content-Length: {len(stage.body)}"]))
        assert wire.interim() == 100
        assert not wire.has_more(0.05)
        send(wire, stage.body)
        yield Seen(tag, read(wire), stage.body)
    assert stage.arrived(tag)[0].header("expect") is None


def expects_and_is_refused(stage: Stage) -> Iterator[Seen]:
    tag = stage.tag()
    with stage.wire() as wire:
        send(wire, stage.head(tag, ["Expect: 100-continue", f"Content-Length: {BODY_LIMIT + 1}"]))
        if stage.door is Door.UVICORN:
            assert wire.interim() == 100
            send(wire, b"{")
        yield Seen(tag, read(wire))


def bodies(*templates: bytes) -> Driver:
    """Post bodies; ``MODEL`` stands for a model that is there."""

    def driver(stage: Stage) -> Iterator[Seen]:
        for template in templates:
            yield stage.post(template.replace(b"MODEL", stage.model.encode()))

    return driver


def nested(depth: int) -> bytes:
    """An object that is so deep, itself included."""
    return b'{"model":"MODEL","x":%b%b}' % (b"[" * (depth - 1), b"]" * (depth - 1))


DRIVERS: dict[str, Callable[[Stage], Iterable[Seen]]] = {
    "half-a-body": half_a_body,
    "dripping-body": dripping_body,
    "dripping-upload": dripping_upload,
    "dripping-headers": dripping_headers,
    "silent-connection": silent_connection,
    "announces-too-much": announces_too_much,
    "sends-too-much": sends_too_much,
    "sends-it-all": sends_it_all,
    "promises-and-holds": promises_and_holds,
    "expects-continue": expects_continue,
    "expects-and-is-refused": expects_and_is_refused,
    "no-body": lambda stage: [stage.say([]), stage.say(["Content-Length: 0"])],
    "not-json": bodies(
        b"hello", b"{", b'{"model":"MODEL",}', b'{"model":"MODEL"}{}', b'{"model":"MODEL","x":NaN}'
    ),
    "not-an-object": bodies(b"[1]", b'"MODEL"', b"1", b"null"),
    "model-missing": bodies(b"{}", b'{"messages":[]}', b'{"x":{"model":"MODEL"}}'),
    "model-empty": bodies(b'{"model":""}', b'{"model":7}', b'{"model":null}', b'{"model":["MODEL"]}'),
    "model-long": bodies(b'{"model":"%b"}' % (b"x" * 10_000), b'{"model":"MODEL%b"}' % (b"x" * 10_000)),
    "model-twice": bodies(b'{"model":"MODEL","model":"MODEL"}', b'{"model":"MODEL","x":1,"model":"other"}'),
    "model-escaped": bodies(b'{ "mo\\u0064el" : "MODEL", "messages":[] }'),
    "model-escaped-twice": bodies(
        b'{"model":"MODEL","mo\\u0064el":"other"}', b'{"mo\\u0064el":"MODEL","\\u006dodel":"MODEL"}'
    ),
    "other-key-twice": bodies(b'{"model":"MODEL","top_p":1,"top_p":0.5}'),
    "nested-128": bodies(nested(128)),
    "nested-129": bodies(nested(129)),
    "nested-100000": bodies(
        nested(100_000),
        b'{"model":"MODEL","x":' + b'{"x":' * 50_000,
    ),
    "bad-utf8-in-model": bodies(b'{"model":"MODEL\xff"}', b'{"mod\xe9l":"MODEL"}'),
    "bad-utf8-in-text": bodies(
        b'{"model":"MODEL","x":"\xff"}',
        b'{"model":"MODEL","x":"\xc0\xaf"}',
        b'{"model":"MODEL","x":"\xed\xa0\x80"}',
        b'{"model":"MODEL","x":"\xf0\x9f\x98"}',
    ),
    "lone-surrogate": bodies(b'{"model":"MODEL","x":"\\ud800"}'),
}

_TOO_LARGE = Outcome(413, "body_too_large", "error", "body_too_large")
DIFFERENCES = {
    **on_asgi("half-a-body", Outcome(408, "request_timeout", "error", "request_timeout")),
    **on_asgi("dripping-headers", SILENCE),
    **on_asgi("silent-connection", SILENCE),
    **on_asgi("announces-too-much", _TOO_LARGE),
    **on_asgi("sends-it-all", _TOO_LARGE),
    ("dripping-upload", Door.PYTHON): Outcome(501, "not_supported", "error", "not_supported"),
    ("expects-and-is-refused", Door.UVICORN): _TOO_LARGE,
}


@pytest.mark.kind("request_timeout", "body_too_large", "invalid_json", "invalid_request", "model_missing")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_client_with_such_a_body(stage: Stage, fault: Fault) -> None:
    drive(stage, fault, DRIVERS[fault.id], DIFFERENCES)


def test_every_row_is_driven_and_every_difference_is_told() -> None:
    assert DRIVERS.keys() == {fault.id for fault in FAULTS}
    assert DIFFERENCES.keys() == told(FAULTS)
