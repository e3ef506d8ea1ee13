"""Has a provider do what a row of the table says, and compares what everybody saw of it with the row."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matrix import RULES

from harness.chat import ANSWER, CHAT, DONE, FINISH, ROLE, chat, delta
from harness.doors import Door
from harness.faults import Fault
from harness.gateway import Gateway, until
from harness.routing import Declared, Routing
from harness.upstream import Script, Upstream, json_answer, sse
from harness.wire import Answer, End, Wire

__all__ = ["GOOD", "Case", "alone", "ask", "error_of", "leaves_out", "lives_on", "saw", "settled", "told"]

GOOD = ROLE + delta("from the next lane") + FINISH + DONE


@dataclass(frozen=True, kw_only=True)
class Case:
    """How a row is provoked."""

    script: Script | None = None
    body: bytes | Callable[[str], bytes] | None = None
    """The provider's own bytes that the client gets, perhaps by the lane's key; none: the gateway answers."""
    stream: bool = False
    path: str = CHAT
    headers: Sequence[tuple[str, str]] = ()
    """The client's."""
    timeouts: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None
    """Where the provider is said to be, if not where the script is."""
    gate: threading.Event | None = None
    """Set when the client has its first bytes: until then the script waits."""
    shows: Mapping[str, str | None] = field(default_factory=dict)
    """Headers that the client gets, or must not get."""

    @contextlib.contextmanager
    def provider(self, routing: Routing) -> Iterator[Declared]:
        """The provider that fails."""
        with Upstream(script=self.script) as upstream:
            yield routing.provider(self.url or upstream.url, timeouts=self.timeouts)


def ask(gateway: Gateway, model: str, case: Case) -> Answer:
    """Ask once, and read the answer to its end."""
    with Wire(gateway.port) as wire:
        if case.gate is not None:
            case.gate.clear()
        wire.post(case.path, chat(model, stream=case.stream), case.headers)
        status, headers = wire.open()
        body = b""
        for piece in wire.pieces():
            body += piece
            if case.gate is not None:
                case.gate.set()
        assert wire.end is not None
        answer = Answer(status, headers, body, wire.end)
        if answer.end is End.CUT:
            assert wire.at_end(), "the connection must end with the answer"
    return answer


def leaves_out(fault: Fault, answer: Answer, door: Door) -> bool:
    """Whether this engine does not serve such requests, and says so."""
    if door is Door.PYTHON and "501" in fault.doors.get("python", ""):
        assert (answer.status, error_of(answer.body)["code"]) == (501, "not_supported")
        return True
    return False


def error_of(body: bytes) -> dict[str, Any]:
    """The error in a JSON answer or in the one event that a tail is."""
    if body.startswith((b"data: ", b"event: error\n")):
        assert body.endswith(b"\n\n")
        body = body.partition(b"data: ")[2]
    document = json.loads(body)
    error = dict(document.get("error", document))
    assert {"message", "type", "code", "param"} <= error.keys()
    for address in ("127.0.0", "localhost", "invalid", "::1", "http://", "https://", "/v1"):
        assert address not in error["message"], "no error shows an internal address"
    assert not any(word.isdigit() and int(word) > 1023 for word in error["message"].split()), "nor a port"
    return error


def saw(fault: Fault, case: Case, answer: Answer, key: str) -> None:
    """The client saw what the row says: status, code, the provider's bytes, and a true end."""
    assert answer.status == fault.status, answer.body
    assert answer.end is (End.CUT if fault.row == "cut" else End.WHOLE)
    body = case.body(key) if callable(case.body) else case.body or b""
    assert answer.body.startswith(body), answer.body[:2000]
    tail = answer.body[len(body) :]
    if fault.code is None:
        assert tail == b""
    else:
        assert error_of(tail)["code"] == fault.code
    for name, value in case.shows.items():
        assert answer.header(name) == value, name
    assert key not in str(answer.headers)
    lengths = [value for name, value in answer.headers if name == "content-length"]
    assert lengths in ([], [str(len(answer.body))]) or answer.end is End.CUT


def told(gateway: Gateway, fault: Fault, request_id: str | None) -> None:
    """The log's row says what the table's row says."""
    row = gateway.row(str(request_id))
    assert (row["outcome"], row["error"], row["status"]) == (fault.row, fault.error, fault.status)
    assert [attempt["error"] for attempt in row["attempts"]] == [fault.error]


def settled(gateway: Gateway, provider: Declared, error: str | None, *, requests: int = 1) -> None:
    """The lane counts its last request as its success or as its failure."""

    def lane() -> dict[str, Any] | None:
        (found,) = gateway.lanes(provider.name)
        return found if found["in_flight"] == 0 else None

    found = until(lane, "the end of all attempts")
    counts = (found["failures"], found["successes"], found["last_error"])
    assert counts == (int(error is not None), requests - int(error is not None), error)


def held(fault: Fault) -> str | None:
    """The error that counts against the lane, where one does."""
    return fault.error if RULES[fault.whose].counts else None


def alone(gateway: Gateway, routing: Routing, door: Door, fault: Fault, case: Case) -> None:
    """With no other lane the client gets what the row says."""
    with case.provider(routing) as provider:
        answer = ask(gateway, provider.model(), case)
        if leaves_out(fault, answer, door):
            return
        saw(fault, case, answer, provider.keys["main"])
        assert answer.header("x-gateway-attempts") == "1"
        assert answer.header("x-should-retry") is None, "one lane leaves retrying to the client"
        told(gateway, fault, answer.header("x-gateway-request-id"))
        settled(gateway, provider, held(fault))


def lives_on(gateway: Gateway, routing: Routing, door: Door, fault: Fault, case: Case) -> None:
    """With another lane behind it, that one answers where the row says so; else it is not asked."""
    script = sse(GOOD) if case.stream else json_answer(ANSWER)
    with case.provider(routing) as bad, Upstream(script=script) as upstream:
        good = routing.provider(upstream.url)
        answer = ask(gateway, routing.alias(bad.model(), good.model()), case)
        if leaves_out(fault, answer, door):
            return
        if fault.retried != "next lane":
            assert upstream.requests == []
            saw(fault, case, answer, bad.keys["main"])
            settled(gateway, bad, held(fault))
            return
        assert (answer.status, answer.body) == (200, GOOD if case.stream else ANSWER)
        assert (answer.end, answer.header("x-gateway-attempts")) == (End.WHOLE, "2")
        assert answer.header("x-gateway-provider") == good.name
        row = gateway.row(str(answer.header("x-gateway-request-id")))
        assert (row["outcome"], row["error"], row["status"]) == ("ok", None, 200)
        assert [attempt["error"] for attempt in row["attempts"]] == [fault.error, None]
        settled(gateway, bad, held(fault))
        settled(gateway, good, None)
