"""Event streams of providers: how they break, and what only looks as if they did."""

from __future__ import annotations

from harness.faults import Fault, Moment, Whose

__all__ = ["FAULTS"]

BEFORE = "a stream, before its first token"
AFTER = "a stream, after its first token"
FORM = "a stream's form"
EVENTS = "All whole events, an error event, an abnormal end."


def _failed(name: str, what: str, code: str, answer: str, *, status: int = 502) -> Fault:
    return Fault(
        id=name,
        side="upstream",
        group=BEFORE,
        what=what,
        status=status,
        code=code,
        answer=answer,
        whose="lane",
        moments=("before",),
        retried="next lane",
        row="error",
        error=code,
    )


def _cut(name: str, what: str, answer: str = EVENTS, *, code: str = "upstream_cut") -> Fault:
    return Fault(
        id=name,
        side="upstream",
        group=AFTER,
        what=what,
        status=200,
        code=code,
        answer=answer,
        whose="lane",
        moments=("after",),
        row="cut",
        error=code,
    )


def _said(
    name: str,
    what: str,
    answer: str = "The event as it came.",
    *,
    moment: Moment = "before",
    whose: Whose = "lane",
) -> Fault:
    """An error in its own words."""
    tried_again = moment == "before" and whose in ("key", "limit", "lane")
    return Fault(
        id=name,
        side="upstream",
        group=BEFORE if moment == "before" else AFTER,
        what=what,
        status=200,
        answer=answer,
        whose=whose,
        moments=(moment,),
        retried="next lane" if tried_again else "no",
        row="error",
        error="upstream_error_event",
    )


def _whole(name: str, group: str, what: str, answer: str = "It byte for byte.", **doors: str) -> Fault:
    return Fault(
        id=name,
        side="upstream",
        group=group,
        what=what,
        status=200,
        answer=answer,
        moments=("after",),
        row="ok",
        doors=doors,
    )


FAULTS = [
    _failed(
        "stream-silent",
        "headers, then nothing",
        "upstream_timeout",
        "That it stood still for longer than `timeouts.idle`.",
        status=504,
    ),
    _failed("stream-empty", "headers, then the end", "upstream_cut", "That it ended before its answer."),
    Fault(
        id="stream-cut-early",
        side="upstream",
        group=BEFORE,
        what="an event without content, then a cut",
        status=200,
        code="upstream_cut",
        answer="With no other lane the first event is not held back: it, an error event, an abnormal end.",
        whose="lane",
        moments=("before",),
        retried="next lane",
        row="cut",
        error="upstream_cut",
    ),
    _said("error-first", "an error event"),
    _said(
        "error-echoes-the-key",
        "an error event that echoes the key",
        "The event with an asterisk for each character of the key.",
    ),
    _said("error-behind-a-mark", "an error event behind a byte order mark", "Both."),
    _said("error-at-the-limit", "an error event with the code of a rate limit", whose="limit"),
    _said("error-of-the-key", "an error event with the code of a bad key", whose="key"),
    _said("error-of-the-client", "an error event of type `invalid_request_error`", whose="client"),
    _said("error-of-the-filter", "an error event with the code of a content filter", whose="filter"),
    _said("error-later", "an error event", "All events, that one too; nothing is added.", moment="after"),
    _said("error-then-cut", "an error event, then a cut", "All events; nothing is added.", moment="after"),
    _cut("cut-in-an-event", "a cut in the middle of an event"),
    _cut("cut-in-a-character", "a cut in the middle of a UTF-8 character"),
    _cut("cut-in-a-chunk", "a cut in the middle of a chunk"),
    _cut("cut-between-events", "a cut between two events"),
    _cut("cut-by-reset", "a reset"),
    Fault(
        id="cut-in-a-long-event",
        side="upstream",
        group=AFTER,
        what="a cut in an event of 100 kB",
        status=200,
        answer="What came, and an abnormal end: no event can follow half of one.",
        whose="lane",
        moments=("after",),
        row="cut",
        error="upstream_cut",
    ),
    _cut("ends-without-finish", "an end in order without `[DONE]` or a finish reason"),
    _cut("ends-by-close", "HTTP/1.0, the connection ends without `[DONE]` or a finish reason"),
    _cut("stands-still", "silence for longer than `timeouts.idle`", code="upstream_timeout"),
    _whole("no-done", FORM, "no `[DONE]`, but a finish reason", "It byte for byte; no `[DONE]` is invented."),
    _whole("no-finish", FORM, "`[DONE]`, but no finish reason"),
    _whole("ends-late", FORM, "`[DONE]`, and the end does not come", "It, and an end after `timeouts.idle`."),
    _whole("more-behind-done", FORM, "more bytes behind `[DONE]`", "It byte for byte, those too."),
    _whole("cut-behind-done", FORM, "`[DONE]`, then a cut", "It, whole: it had said that it was."),
    _whole("http-1.0-stream", FORM, "HTTP/1.0, the end of the connection ends it"),
    _whole("line-feeds", FORM, "lines end in LF"),
    _whole("carriage-returns", FORM, "lines end in CR"),
    _whole("both-line-ends", FORM, "lines end in CR LF"),
    _whole("comments", FORM, "comments, `event:`, `id:` and `retry:` lines"),
    _whole("stream-behind-a-mark", FORM, "a byte order mark in front"),
    _whole("type-in-capitals", FORM, "`Content-Type: Text/Event-Stream`"),
    _whole("large-event", FORM, "an event of 5 MB"),
    _whole(
        "large-last-event",
        FORM,
        "a response whose last event, of 200 kB, is its only end",
        python="does not serve responses (501 `not_supported`).",
    ),
    _whole("small-chunks", FORM, "chunks of one byte"),
    _whole("stream-trailers", FORM, "trailers", "It byte for byte; trailers are dropped."),
]
