"""What a driver of a client's fault works with, and what it reports back."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.chat import ANSWER, CHAT, chat
from harness.doors import Door
from harness.faults import Fault
from harness.gateway import Gateway, until
from harness.routing import Declared
from harness.upstream import Request, Upstream, json_answer
from harness.wire import Answer, End, Wire

__all__ = [
    "BODY_LIMIT",
    "HEADERS_LIMIT",
    "JSON",
    "LIMITS",
    "SMUGGLED",
    "Differences",
    "Driver",
    "Outcome",
    "Seen",
    "Stage",
    "drive",
    "on_asgi",
    "read",
    "send",
    "told",
]

BODY_LIMIT = 256 * 1024
HEADERS_LIMIT = 16 * 1024
LIMITS = {
    "json_body": BODY_LIMIT,
    "buffered": 16 * BODY_LIMIT,
    "client_headers": "500ms",
    "client_headers_size": HEADERS_LIMIT,
    "client_body_idle": "500ms",
    "client_keepalive": "1s",
    "client_stall": "1s",
}
"""A gateway with little patience."""

JSON = "Content-Type: application/json"
SMUGGLED = b"GET /v1/smuggled HTTP/1.1\r\nHost: localhost\r\nx-request-id: smuggled\r\n\r\n"
"""Bytes behind a request's body that a reader who ends it elsewhere takes for a request."""

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What everybody sees of one fault."""

    status: int | None
    code: str | None = None
    row: str | None = None
    error: str | None = None
    asked: bool = False
    """Whether the provider got the request."""

    @classmethod
    def of(cls, fault: Fault) -> Outcome:
        """The native door's, as the table has it."""
        return cls(fault.status, fault.code, fault.row, fault.error, asked=fault.status == 200)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one client saw."""

    tag: str
    """Its ``x-request-id``, by which the log and the provider know its request."""
    answer: Answer | None
    body: bytes = b""
    """What the provider must have received, where it was asked."""
    tried: bool | None = None
    """Whether the row names an attempt, where that is not the same as that the client was answered."""
    asked: bool = False
    """Whether the provider then had the whole request."""
    expects: bytes = ANSWER
    """The body of a good answer."""

    def check(self, expected: Outcome) -> None:
        """Compare status, code and shape of what the client got."""
        if expected.status is None:
            assert self.answer is None, self.answer
            return
        assert self.answer is not None, f"{self.tag}: the connection ended without an answer"
        assert self.answer.status == expected.status, self.answer
        if expected.code is None:
            assert self.expects == self.answer.body or self.answer.end is End.CUT
            return
        assert self.answer.end is End.WHOLE
        assert self.answer.header("content-type") == "application/json", self.answer
        document = json.loads(self.answer.body)
        assert set(document) == {"error"}
        assert set(document["error"]) == {"message", "type", "code", "param"}
        assert document["error"]["code"] == expected.code, document


@dataclass
class Stage:
    """A gateway, a provider behind it, and a fault to be driven."""

    gateway: Gateway
    upstream: Upstream
    provider: Declared
    door: Door
    tags: list[str] = field(default_factory=list)

    @property
    def model(self) -> str:
        return self.provider.model()

    def tag(self) -> str:
        """A new ``x-request-id``."""
        self.tags.append(f"fault-{self.door}-{next(_numbers)}")
        return self.tags[-1]

    @property
    def body(self) -> bytes:
        """A chat request that is answered."""
        return chat(self.model)

    @contextlib.contextmanager
    def wire(self, *, timeout: float = 15.0, receive_buffer: int | None = None) -> Iterator[Wire]:
        with Wire(self.gateway.port, timeout=timeout, receive_buffer=receive_buffer) as wire:
            yield wire

    def head(
        self,
        tag: str,
        lines: Sequence[str | bytes] = (),
        *,
        first: str | bytes = f"POST {CHAT} HTTP/1.1",
        host: bool = True,
        end: bytes = b"\r\n",
    ) -> bytes:
        """A request's head, line by line."""
        own = [JSON, f"x-request-id: {tag}", *([f"Host: 127.0.0.1:{self.gateway.port}"] if host else [])]
        encoded = [line if isinstance(line, bytes) else line.encode() for line in (first, *own, *lines)]
        return end.join([*encoded, b"", b""])

    def say(self, lines: Sequence[str | bytes], body: bytes = b"", **how: object) -> Seen:
        """Send a whole request on a connection of its own, and bytes that must not become another one."""
        tag = self.tag()
        with self.wire() as wire:
            send(wire, self.head(tag, lines, **how) + body)  # type: ignore[arg-type]
            return Seen(tag, read(wire), self.body)

    def post(self, body: bytes) -> Seen:
        """Send a body with its length."""
        seen = self.say([f"Content-Length: {len(body)}"], body)
        return Seen(seen.tag, seen.answer, body)

    def arrived(self, tag: str) -> list[Request]:
        return [request for request in self.upstream.requests if request.header("x-request-id") == tag]

    def check_row(self, seen: Seen, expected: Outcome) -> None:
        """Compare the log."""
        if expected.row is None:
            answer = self.gateway.admin.get(f"/api/v1/logs/{seen.tag}")
            assert answer.status_code == 404, answer.text
        else:
            row = self.gateway.row(seen.tag)
            assert (row["outcome"], row["error"]) == (expected.row, expected.error), row
            status = expected.status or 499
            assert row["status"] == status, row
            tried = expected.asked if seen.tried is None else seen.tried
            assert len(row["attempts"]) == int(tried), row["attempts"]

    def check_provider(self, seen: Seen, expected: Outcome) -> None:
        """Compare what the provider received: the client's own body but for the model's value, or nothing."""
        asked = expected.asked or seen.asked
        arrived = self.arrived(seen.tag)
        assert len(arrived) == int(asked), arrived
        if asked and seen.body:
            sent = seen.body.replace(self.model.encode(), self.model.partition("/")[2].encode())
            assert arrived[0].body == sent
            assert arrived[0].all("content-length") == [str(len(sent))]
            assert arrived[0].all("transfer-encoding") == []

    def check_others(self) -> None:
        """Another client is served, and nobody asked the provider for anything that no client asked."""
        tag = self.tag()
        answer = self.gateway.http.post(CHAT, content=self.body, headers={"x-request-id": tag})
        assert (answer.status_code, answer.content) == (200, ANSWER)
        self.gateway.row(tag)  # what happened before it would be in the log by now
        known = set(self.tags)
        assert {request.header("x-request-id") for request in self.upstream.requests} <= known

    def answers(self) -> None:
        """Let the provider answer as it did at first."""
        self.upstream.script = json_answer(ANSWER)

    def idle(self) -> None:
        """Wait until no request is in flight."""
        until(lambda: self.gateway.call("GET", "status")["engine"]["in_flight"] == 0, "no request in flight")


def send(wire: Wire, data: bytes) -> None:
    """Send; a gateway that has closed already is no failure of the test."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        wire.write(data)


def read(wire: Wire) -> Answer | None:
    """One answer; None where the connection ended without one."""
    try:
        return wire.answer()
    except AssertionError:
        return None


Driver = Callable[[Stage], Iterable[Seen]]
Differences = Mapping[tuple[str, Door], Outcome]


def drive(stage: Stage, fault: Fault, driver: Driver, differences: Differences) -> None:
    """Let a fault happen, and see that everybody saw of it what the table says."""
    expected = differences.get((fault.id, stage.door), Outcome.of(fault))
    # Where uvicorn's parser refuses a body, the request has begun: a row may say that its client left.
    is_logged = stage.door is Door.NATIVE or expected.row is not None or expected.code is None
    everything = list(driver(stage))
    assert everything, "the driver drove nothing"
    for seen in everything:
        seen.check(expected)
    stage.check_others()
    for seen in everything:
        stage.check_provider(seen, expected)
        if is_logged:
            stage.check_row(seen, expected)


def told(faults: Iterable[Fault]) -> set[tuple[str, Door]]:
    """Where the page says that a door differs."""
    asgi = (Door.UVICORN, Door.PYTHON)
    doors = {"asgi": asgi, **{door.value: (door,) for door in asgi}}
    return {(fault.id, door) for fault in faults for name in fault.doors for door in doors[name]}


def on_asgi(id: str, outcome: Outcome) -> dict[tuple[str, Door], Outcome]:  # noqa: A002
    """The same difference at both doors that uvicorn reads for."""
    return {(id, Door.UVICORN): outcome, (id, Door.PYTHON): outcome}
