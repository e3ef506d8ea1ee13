"""The books of a chaos run: each kind of cheating is found, and honest ones are not."""

from __future__ import annotations

import random
from typing import Any

import pytest
from bench.chaos.checks import check
from bench.chaos.faults import FAULTS, Answer, Ending
from bench.chaos.ledger import Asked, End, Ledger, Rows, Sent

KINDS = {"upstream_cut": 502, "invalid_json": 400, "client_closed": 499}
STREAM = b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n'
END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
CUT = b'data: {"error":{"message":"m","type":"gateway_error","code":"upstream_cut","param":null}}\n\n'
EVENTS = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}
REFUSAL = b'{"error":{"message":"m","type":"invalid_request_error","code":"invalid_json","param":null}}'
BUSY = b'{"error":{"message":"busy"}}'


def row(status: int = 200, outcome: str = "ok", error: str | None = None) -> dict[str, Any]:
    return {"client_request_id": "r", "status": status, "outcome": outcome, "error": error}


def problems(asked: Asked, sent: list[Sent], *rows: dict[str, Any]) -> list[str]:
    ledger = Ledger(asked=[asked])
    ledger.sent["r"] = sent
    return [violation.what for violation in check(ledger, rows, KINDS)]


def asked(
    body: bytes, end: End, status: int | None = 200, headers: dict[str, str] | None = None, **more: Any
) -> Asked:
    more = {"behaviour": "patient"} | more
    return Asked("r", status=status, body=body, end=end, headers=headers or EVENTS, **more)


def sent(body: bytes, status: int = 200, *, whole: bool = True) -> Sent:
    return Sent("a", "ok", status, body, whole)


WHOLE = STREAM + END + DONE

HONEST: dict[str, tuple[Asked, list[Sent], list[dict[str, Any]]]] = {
    "a stream": (asked(WHOLE, End.WHOLE), [sent(WHOLE)], [row()]),
    "a stream without a terminator": (asked(STREAM + END, End.WHOLE), [sent(STREAM + END)], [row()]),
    "a stream that broke behind its end": (
        asked(WHOLE, End.WHOLE),
        [sent(WHOLE + b"x", whole=False)],
        [row()],
    ),
    "a cut that is told": (
        asked(STREAM + CUT, End.CUT),
        [sent(STREAM + END[:9], whole=False)],
        [row(outcome="cut", error="upstream_cut")],
    ),
    "an answer": (asked(b"{}", End.WHOLE, headers=JSON), [sent(b"{}")], [row()]),
    "the second lane's answer": (asked(b"{}", End.WHOLE, headers=JSON), [sent(b"", 0), sent(b"{}")], [row()]),
    "a refusal of the gateway": (
        asked(REFUSAL, End.WHOLE, 400, JSON),
        [],
        [row(400, "error", "invalid_json")],
    ),
    "a refusal of the provider": (
        asked(BUSY, End.WHOLE, 503, JSON),
        [sent(BUSY, 503)],
        [row(503, "error", "upstream_status")],
    ),
    "a client that left": (asked(b"", End.LEFT), [], [row(outcome="cancelled", error="client_closed")]),
    "a client that left within its head": (asked(b"", End.LEFT, None, rows=Rows.NONE), [], []),
    "a client that was reset": (asked(b"", End.LEFT, None, rows=Rows.MAYBE), [], []),
    "a client that did not read": (
        asked(STREAM[:7], End.CUT, behaviour="stalling too long"),
        [sent(WHOLE)],
        [row(outcome="cancelled")],
    ),
}

CHEATING: dict[str, tuple[Asked, list[Sent], list[dict[str, Any]], str]] = {
    "no row": (asked(WHOLE, End.WHOLE), [sent(WHOLE)], [], "0 rows"),
    "two rows": (asked(WHOLE, End.WHOLE), [sent(WHOLE)], [row(), row()], "2 rows"),
    "a row of no request": (asked(b"", End.LEFT, None, rows=Rows.NONE), [], [row()], "1 rows"),
    "a row of nobody": (
        asked(WHOLE, End.WHOLE),
        [sent(WHOLE)],
        [row(), row() | {"client_request_id": "other"}],
        "nobody sent",
    ),
    "another status": (asked(WHOLE, End.WHOLE), [sent(WHOLE)], [row(201)], "status 201"),
    "an invented end": (asked(STREAM, End.WHOLE), [sent(STREAM)], [row()], "without an end"),
    "an invented terminator": (
        asked(STREAM + DONE, End.WHOLE),
        [sent(STREAM, whole=False)],
        [row()],
        "not what a provider sent",
    ),
    "changed bytes": (
        asked(WHOLE.replace(b"a", b"b"), End.WHOLE),
        [sent(WHOLE)],
        [row()],
        "not what a provider",
    ),
    "a silent cut": (asked(STREAM, End.CUT), [sent(WHOLE)], [row(outcome="cut")], "not a word"),
    "a cut behind a terminator": (
        asked(STREAM + DONE, End.CUT),
        [sent(STREAM + DONE, whole=False)],
        [row(outcome="cut")],
        "ends with the terminator",
    ),
    "an invented event before a cut": (
        asked(STREAM + END + CUT, End.CUT),
        [sent(STREAM, whole=False)],
        [row(outcome="cut")],
        "before the cut",
    ),
    "a cut logged as ok": (
        asked(STREAM + CUT, End.CUT),
        [sent(STREAM, whole=False)],
        [row()],
        "row of a cut",
    ),
    "half of a JSON answer": (
        asked(b'{"a"', End.WHOLE, headers=JSON),
        [sent(b'{"a"')],
        [row()],
        "broken JSON",
    ),
    "an error without a code": (
        asked(BUSY, End.WHOLE, 502, JSON),
        [],
        [row(502, "error")],
        "without a stable code",
    ),
    "a code with a wrong status": (
        asked(REFUSAL, End.WHOLE, 500, JSON),
        [],
        [row(500, "error", "invalid_json")],
        "with status 500",
    ),
    "a code that the log does not have": (
        asked(REFUSAL, End.WHOLE, 400, JSON),
        [],
        [row(400, "error", "upstream_cut")],
        "the row of invalid_json",
    ),
    "an error logged as ok": (
        asked(REFUSAL, End.WHOLE, 400, JSON),
        [],
        [row(400, "ok", "invalid_json")],
        "says",
    ),
    "silence": (asked(b"", End.NONE, None), [], [row(499, "cancelled")], "without an answer"),
}


@pytest.mark.parametrize(("seen", "provided", "rows"), HONEST.values(), ids=HONEST.keys())
def test_honest_books_balance(seen: Asked, provided: list[Sent], rows: list[dict[str, Any]]) -> None:
    assert problems(seen, provided, *rows) == []


@pytest.mark.parametrize(("seen", "provided", "rows", "word"), CHEATING.values(), ids=CHEATING.keys())
def test_each_kind_of_cheating_is_found(
    seen: Asked, provided: list[Sent], rows: list[dict[str, Any]], word: str
) -> None:
    found = problems(seen, provided, *rows)
    assert any(word in what for what in found), found


def test_a_violation_shows_the_request_its_answers_and_its_row() -> None:
    ledger = Ledger(asked=[asked(STREAM, End.WHOLE)])
    ledger.sent["r"] = [sent(STREAM)]
    (violation,) = check(ledger, [row() | {"request_id": "01ROW"}], KINDS)
    text = str(violation)
    for part in ("r: a stream without an end", "patient", "a/ok: 200 whole", "01ROW"):
        assert part in text


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_a_fault_says_what_it_sends(name: str, kind: str) -> None:
    """A whole plan's bytes hold its body, cut by framing; a plan that is not HTTP promises nothing."""
    answer = Answer(200, kind, WHOLE if "event" in kind else b'{"choices":[]}')
    for seed in range(50):
        made = FAULTS[name][1](random.Random(seed), answer)
        wire = b"".join(data for _, data in made.parts)
        assert bool(made.status) == (b"HTTP/1.1 " in wire[:9] and made.status != 0)
        if made.whole and b"content-length" in wire:
            assert made.body in wire
        if made.whole and b"chunked" in wire:
            assert b"0\r\n\r\n" in wire
        if not made.parts:
            assert made.ending is not Ending.KEEP, "a gateway must not wait for ever"
