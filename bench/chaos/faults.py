"""What a provider can do to an answer, as bytes and pauses.

Each fault takes the answer of a healthy provider and says what is put on the wire instead. What a truthful
reader may make of it is said beside, so that the checks need not guess.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["FAULTS", "Answer", "Ending", "Plan", "plan"]

JSON = "application/json"
EVENTS = "text/event-stream"


@dataclass(frozen=True)
class Answer:
    """A healthy provider's answer."""

    status: int
    kind: str
    body: bytes

    @property
    def is_stream(self) -> bool:
        return self.kind.startswith(EVENTS)

    @property
    def events(self) -> list[bytes]:
        return [event + b"\n\n" for event in self.body.split(b"\n\n") if event]


class Ending(StrEnum):
    """What becomes of the connection behind the last byte."""

    KEEP = "keep"
    CLOSE = "close"
    RESET = "reset"
    HOLD = "hold"
    """Silence, until the gateway leaves."""


@dataclass
class Plan:
    """What is sent: parts with the pause before each."""

    parts: list[tuple[float, bytes]] = field(default_factory=list)
    ending: Ending = Ending.KEEP
    status: int = 0
    body: bytes = b""
    whole: bool = False

    def add(self, data: bytes, pause: float = 0.0) -> Plan:
        self.parts.append((pause, data))
        return self


def head(status: int, kind: str, *more: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Chaos", f"content-type: {kind}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def pieces(rng: random.Random, body: bytes) -> list[bytes]:
    """Cut a body anywhere, into one to eight pieces."""
    cuts = sorted(rng.randrange(len(body) + 1) for _ in range(rng.randrange(8))) if body else []
    edges = [0, *cuts, len(body)]
    return [body[a:b] for a, b in itertools.pairwise(edges) if a < b]


def whole(rng: random.Random, answer: Answer, pause: float = 0.0) -> Plan:
    """The answer as it is, in one of HTTP's three framings."""
    made = Plan(status=answer.status, body=answer.body, whole=True)
    framing = rng.choice(["chunked", "chunked", "end"] if answer.is_stream else ["chunked", "length", "end"])
    parts = pieces(rng, answer.body)
    if framing == "length":
        made.add(head(answer.status, answer.kind, f"content-length: {len(answer.body)}"))
        for part in parts:
            made.add(part, pause)
    elif framing == "chunked":
        made.add(head(answer.status, answer.kind, "transfer-encoding: chunked"))
        for part in parts:
            made.add(chunk(part), pause)
        made.add(b"0\r\n\r\n")
    else:
        made.add(head(answer.status, answer.kind, "connection: close"))
        for part in parts:
            made.add(part, pause)
        made.ending = Ending.CLOSE
    return made


def ok(rng: random.Random, answer: Answer) -> Plan:
    return whole(rng, answer)


def slow(rng: random.Random, answer: Answer) -> Plan:
    return whole(rng, answer, rng.uniform(0.005, 0.1))


def drip(rng: random.Random, answer: Answer) -> Plan:
    """Byte by byte at first: head, chunk sizes and characters fall apart."""
    made = whole(rng, answer)
    data = b"".join(part for _, part in made.parts)
    made.parts = [(0.0, data[at : at + 1]) for at in range(min(len(data), 250))] + [(0.0, data[250:])]
    return made


def stale(rng: random.Random, answer: Answer) -> Plan:
    """A good answer on a connection that then dies while the gateway keeps it."""
    made = whole(rng, answer)
    made.ending = rng.choice([Ending.RESET, Ending.CLOSE]) if made.ending is Ending.KEEP else made.ending
    return made


def silent_end(rng: random.Random, _: Answer) -> Plan:
    return Plan(ending=rng.choice([Ending.RESET, Ending.CLOSE]))


def no_answer(_: random.Random, __: Answer) -> Plan:
    return Plan(ending=Ending.HOLD)


def half_head(rng: random.Random, answer: Answer) -> Plan:
    data = head(answer.status, answer.kind, "transfer-encoding: chunked")
    ending = rng.choice([Ending.RESET, Ending.CLOSE, Ending.HOLD])
    return Plan(ending=ending).add(data[: rng.randrange(1, len(data) - 1)])


def cut(rng: random.Random, answer: Answer) -> Plan:
    """The body breaks off: between events, inside one, inside a chunk's size or its data; or stands still."""
    at = rng.randrange(len(answer.body)) if answer.body else 0
    made = Plan(status=answer.status, body=answer.body[:at])
    made.ending = rng.choice([Ending.RESET, Ending.CLOSE, Ending.CLOSE, Ending.HOLD])
    if rng.random() < 0.2 and not answer.is_stream:
        return made.add(
            head(answer.status, answer.kind, f"content-length: {len(answer.body)}") + answer.body[:at]
        )
    made.add(head(answer.status, answer.kind, "transfer-encoding: chunked"))
    for part in pieces(rng, answer.body[:at]):
        made.add(chunk(part), rng.choice([0.0, 0.01]))
    rest = answer.body[at:]
    broken = chunk(rest)[: rng.randrange(len(chunk(rest)))] if rest else b""
    # What is there of the last chunk's data is a reader's to have or not.
    _, _, data = broken.partition(b"\r\n")
    made.body += data[: len(rest)]
    return made.add(broken)


def bad_chunk(rng: random.Random, answer: Answer) -> Plan:
    """A chunk whose size is no size, or not the size of its data."""
    at = rng.randrange(len(answer.body)) if answer.body else 0
    broken, read = rng.choice(
        [
            (b"zz\r\n", b""),
            (b"-5\r\nabc\r\n", b""),
            (b"fffffffffffffffff\r\n", b""),
            (b"3\r\nabcdef\r\n", b"abc"),
        ]
    )
    made = Plan(status=answer.status, body=answer.body[:at] + read, ending=Ending.CLOSE)
    made.add(head(answer.status, answer.kind, "transfer-encoding: chunked"))
    if at:
        made.add(chunk(answer.body[:at]))
    return made.add(broken)


def too_short(rng: random.Random, answer: Answer) -> Plan:
    """Fewer bytes than the length says."""
    at = rng.randrange(len(answer.body)) if answer.body else 0
    made = Plan(status=answer.status, body=answer.body[:at], ending=Ending.CLOSE)
    return made.add(
        head(answer.status, answer.kind, f"content-length: {len(answer.body)}") + answer.body[:at]
    )


def surplus(rng: random.Random, answer: Answer) -> Plan:
    """A whole answer, and bytes behind it that nobody asked for: a second answer, or noise.

    All in one write: what comes while the next request is on its way cannot be told from its answer.
    """
    made = Plan(status=answer.status, body=answer.body, whole=True)
    forged = head(200, JSON, "content-length: 17") + b'{"forged":"data"}'
    length = f"content-length: {len(answer.body)}"
    more = rng.choice([forged, b"\x00noise"])
    return made.add(head(answer.status, answer.kind, length) + answer.body + more)


def no_http(rng: random.Random, answer: Answer) -> Plan:
    lines = [
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x01\x00\x00",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 1_000_000 + b"\r\n\r\n",
    ]
    if rng.random() < 0.4:
        return Plan(ending=Ending.CLOSE).add(rng.randbytes(rng.randrange(1, 300)))
    return Plan(ending=Ending.CLOSE).add(rng.choice(lines) + answer.body)


def early(rng: random.Random, answer: Answer) -> Plan:
    """1xx answers in front of the real one."""
    made = whole(rng, answer)
    made.parts.insert(
        0, (0.0, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")
    )
    return made


def refused(rng: random.Random, _: Answer) -> Plan:
    """A provider that says no, in its own words."""
    error = json.dumps(
        {"error": {"message": "no", "type": "server_error", "code": "busy", "param": None}}
    ).encode()
    status, kind, body = rng.choice(
        [
            (429, JSON, error),
            (500, "text/html", b"<html><h1>Internal Server Error</h1></html>"),
            (503, JSON, error),
            (529, JSON, b""),
            (400, JSON, error),
            (401, JSON, error),
            (404, "text/plain", b"no such model"),
            (302, "text/html", b"moved"),
        ]
    )
    made = Plan(status=status, body=body, whole=True)
    more = ["retry-after: 1"] if status == 429 else ["location: http://127.0.0.1:1/"] if status == 302 else []
    return made.add(head(status, kind, f"content-length: {len(body)}", *more) + body)


def broken_json(rng: random.Random, answer: Answer) -> Plan:
    """A 200 whose body is not what its type says."""
    body = rng.choice([answer.body[: len(answer.body) // 2], b"<html>", b"", b"[1,2", b'{"a":NaN}'])
    made = Plan(status=200, body=body, whole=True)
    return made.add(head(200, JSON, f"content-length: {len(body)}") + body)


def error_event(rng: random.Random, answer: Answer) -> Plan:
    """The provider says in the stream that it failed, before or behind some content."""
    if not answer.is_stream:
        return refused(rng, answer)
    at = rng.randrange(len(answer.events))
    failed = b'data: {"error":{"message":"overloaded","type":"server_error","code":null}}\n\n'
    return whole(rng, Answer(200, answer.kind, b"".join([*answer.events[:at], failed])))


def no_end(rng: random.Random, answer: Answer) -> Plan:
    """A stream that ends in order after any of its events, so perhaps without saying that it is whole."""
    if not answer.is_stream:
        return too_short(rng, answer)
    return whole(rng, Answer(200, answer.kind, b"".join(answer.events[: rng.randrange(len(answer.events))])))


def foreign_lines(rng: random.Random, answer: Answer) -> Plan:
    """Comments, ids, carriage returns: a stream as other servers write it."""
    if not answer.is_stream:
        return drip(rng, answer)
    events = []
    for number, event in enumerate(answer.events):
        lines = rng.choice([b"", b": ping\n\n", b"id: %d\n" % number, b"retry: 10\n"])
        events.append(lines + event)
    end = rng.choice([b"\r\n", b"\n"])
    return whole(rng, Answer(200, answer.kind, b"".join(events).replace(b"\n", end)))


FAULTS: dict[str, tuple[int, Callable[[random.Random, Answer], Plan]]] = {
    made.__name__: (weight, made)
    for weight, made in [
        (55, ok),
        (8, slow),
        (4, drip),
        (6, stale),
        (4, silent_end),
        (1, no_answer),
        (2, half_head),
        (10, cut),
        (3, bad_chunk),
        (3, too_short),
        (3, surplus),
        (4, no_http),
        (3, early),
        (8, refused),
        (4, broken_json),
        (5, error_event),
        (5, no_end),
        (4, foreign_lines),
    ]
}
"""By name: how often, and how."""


def plan(rng: random.Random, answer: Answer, *, calm: bool = False) -> tuple[str, Plan]:
    """Pick a fault for one answer; a calm provider has none."""
    name = "ok" if calm else rng.choices(list(FAULTS), [weight for weight, _ in FAULTS.values()])[0]
    return name, FAULTS[name][1](rng, answer)
