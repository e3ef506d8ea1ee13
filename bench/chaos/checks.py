"""Whether the books balance: what clients saw, what providers sent, and what the log says."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .ledger import Asked, End, Ledger, Rows, Sent

__all__ = ["Kinds", "Violation", "check"]

FINISHED = re.compile(rb'"finish_reason":\s*"')
DONE = re.compile(rb"^data: ?\[DONE\]", re.MULTILINE)
ERROR = b'data: {"error":'
ANSWER_LIMIT = 1 << 20
"""A JSON answer longer than this is relayed before its end is known (`limits.answer`)."""
TAIL_LIMIT = 64 * 1024
"""An unfinished event longer than this has flowed, and nothing readable can follow it."""

Row = Mapping[str, Any]
Kinds = Mapping[str, int]
"""Stable identifier -> status."""


@dataclass(frozen=True)
class Violation:
    """One broken promise, with all that is known of the request."""

    what: str
    asked: Asked | None = None
    rows: Sequence[Row] = ()
    sent: Sequence[Sent] = ()

    def __str__(self) -> str:
        if self.asked is None:
            return self.what
        asked = self.asked
        seen = (
            f"{asked.behaviour}, stream={asked.stream}: {asked.status} {asked.end}, {len(asked.body)} bytes"
        )
        lines = [f"{asked.id}: {self.what}", f"  client  {seen} ...{asked.body[-200:]!r}"]
        lines += [f"  answer  {name}: {value}" for name, value in asked.headers.items() if "gateway" in name]
        for sent in self.sent:
            ending = "whole" if sent.whole else "broken"
            lines.append(
                f"  sent    {sent.provider}/{sent.fault}: {sent.status} {ending}, {len(sent.body)} bytes"
                f" ...{sent.body[-120:]!r}"
            )
        lines += [f"  row     {json.dumps(dict(row), default=str)}" for row in self.rows] or [
            "  row     none"
        ]
        return "\n".join(lines)


def check(ledger: Ledger, rows: Iterable[Row], kinds: Kinds) -> list[Violation]:
    """Compare; an empty list is what is hoped for."""
    by_id: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_id[row["client_request_id"] or ""].append(row)
    found = []
    for asked in ledger.asked:
        mine, sent = by_id.pop(asked.id, []), ledger.sent.get(asked.id, [])
        found += [Violation(what, asked, mine, sent) for what in _problems(asked, mine, sent, kinds)]
    for request_id, strays in by_id.items():
        found.append(
            Violation(f"{len(strays)} rows of a request that nobody sent: {request_id!r}", rows=strays)
        )
    ids = Counter(asked.id for asked in ledger.asked)
    found += [Violation(f"the id {name} was used {times} times") for name, times in ids.items() if times > 1]
    return found


def _problems(asked: Asked, rows: Sequence[Row], sent: Sequence[Sent], kinds: Kinds) -> Iterator[str]:
    fits = {Rows.ONE: len(rows) == 1, Rows.MAYBE: len(rows) <= 1, Rows.NONE: not rows}
    if not fits[asked.rows]:
        yield f"{len(rows)} rows, and there must be {asked.rows}"
    if asked.rows is Rows.NONE:
        return
    for row in rows:
        if asked.status is not None and row["status"] != asked.status:
            yield f"the row says status {row['status']}"
    outcomes = {row["outcome"] for row in rows}
    if asked.end is End.NONE:
        yield "the connection ended without an answer"
    elif asked.end is End.WHOLE:
        yield from _whole(asked, outcomes, rows, sent, kinds)
    elif asked.end is End.CUT:
        yield from _cut(asked, outcomes, sent, kinds)


def _whole(
    asked: Asked, outcomes: set[str], rows: Sequence[Row], sent: Sequence[Sent], kinds: Kinds
) -> Iterator[str]:
    if asked.status != 200:
        yield from _refused(asked, outcomes, rows, sent, kinds)
        return
    if not any(_stems_from(asked.body, one) for one in sent):
        yield "the answer is not what a provider sent"
    if asked.headers.get("content-type", "").startswith("text/event-stream"):
        failed = ERROR in asked.body
        if not (DONE.search(asked.body) or FINISHED.search(asked.body) or failed):
            yield "a stream without an end was shown as whole"
        if outcomes - ({"error"} if failed else {"ok"}):
            yield f"the row of a whole stream says {outcomes}"
        return
    if len(asked.body) <= ANSWER_LIMIT and not _is_json(asked.body):
        yield "a 200 of broken JSON"
    if outcomes - {"ok"}:
        yield f"the row of a whole answer says {outcomes}"


def _refused(
    asked: Asked, outcomes: set[str], rows: Sequence[Row], sent: Sequence[Sent], kinds: Kinds
) -> Iterator[str]:
    """An error is the gateway's, with its stable code, or a provider's as it came."""
    relayed = any(one.status == asked.status and one.whole and one.body == asked.body for one in sent)
    code = _code(asked.body)
    if not relayed and code not in kinds:
        yield f"an error {asked.status} without a stable code"
    elif not relayed and kinds[str(code)] != asked.status:
        yield f"{code} with status {asked.status}"
    elif not relayed and {row["error"] for row in rows} - {code}:
        yield f"the row of {code} says {[row['error'] for row in rows]}"
    if outcomes - {"error"}:
        yield f"the row of an error says {outcomes}"


def _cut(asked: Asked, outcomes: set[str], sent: Sequence[Sent], kinds: Kinds) -> Iterator[str]:
    """What came is what a provider sent; an event stream says in its last event that it is not whole."""
    hardly_read = asked.behaviour.startswith("stalling")
    if outcomes - ({"cut", "cancelled"} if hardly_read else {"cut"}):
        yield f"the row of a cut says {outcomes}"
    head = asked.body
    if asked.headers.get("content-type", "").startswith("text/event-stream"):
        at = asked.body.rfind(ERROR)
        if at >= 0 and _code(asked.body[at + len(b"data: ") :]) in kinds:
            head = asked.body[:at]
        elif not hardly_read and len(asked.body) - asked.body.rfind(b"\n\n") <= TAIL_LIMIT:
            yield "a stream was cut and not a word said"
        if asked.body.rstrip().endswith(b"[DONE]"):
            yield "a cut stream ends with the terminator"
    if not any(one.status == asked.status and one.body.startswith(head) for one in sent):
        yield "what came before the cut is not what a provider sent"


def _stems_from(body: bytes, sent: Sent) -> bool:
    """Whether it is that answer; of one that broke off behind the stream's own end, up to that end."""
    return sent.status == 200 and (sent.body == body or (not sent.whole and sent.body.startswith(body)))


def _code(body: bytes) -> Any:
    try:
        return json.loads(body)["error"]["code"]
    except (ValueError, TypeError, KeyError):
        return None


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
