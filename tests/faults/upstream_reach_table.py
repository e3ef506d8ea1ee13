"""Providers that cannot be reached, or whose answer cannot be told from the next one."""

from __future__ import annotations

from collections.abc import Mapping

from harness.faults import ANY, Fault, Moment

__all__ = ["FAULTS"]

REACH = "on the way to the answer"
FRAMING = "the answer's framing"
HTTP2 = "HTTP/2"
EVERYWHERE: Mapping[str, str] = {}
PYTHON_H1 = {"python": "speaks HTTP/1.1 to providers."}


def _failed(
    name: str,
    group: str,
    what: str,
    code: str,
    answer: str,
    *,
    status: int = 502,
    moments: tuple[Moment, ...] = ANY,
    doors: Mapping[str, str] = EVERYWHERE,
) -> Fault:
    """A failure that only means that the next lane is tried."""
    return Fault(
        id=name,
        side="upstream",
        group=group,
        what=what,
        status=status,
        code=code,
        answer=answer,
        whose="lane",
        moments=moments,
        retried="next lane",
        row="error",
        error=code,
        doors=doors,
    )


def _fine(
    name: str,
    group: str,
    what: str,
    answer: str,
    *,
    moments: tuple[Moment, ...] = ("json",),
    retried: str = "no",
    only_compiled: bool = False,
) -> Fault:
    """What a client does not notice."""
    return Fault(
        id=name,
        side="upstream",
        group=group,
        what=what,
        status=200,
        answer=answer,
        moments=moments,
        retried=retried,
        row="ok",
        doors=PYTHON_H1 if only_compiled else {},
    )


def _cut(name: str, what: str, answer: str) -> Fault:
    """An HTTP/2 stream that breaks off."""
    return Fault(
        id=name,
        side="upstream",
        group=HTTP2,
        what=what,
        status=200,
        code="upstream_cut",
        answer=answer,
        whose="lane",
        moments=("after",),
        row="cut",
        error="upstream_cut",
        doors=PYTHON_H1,
    )


FAULTS = [
    _failed("refused", REACH, "refuses the connection", "upstream_connect", "That it could not be reached."),
    _failed("no-such-name", REACH, "its name does not resolve", "upstream_dns", "That its name is unknown."),
    _failed(
        "unknown-authority",
        REACH,
        "its certificate is of an unknown authority",
        "upstream_tls",
        "That the TLS handshake failed; the request never left.",
    ),
    _failed(
        "wrong-name",
        REACH,
        "its certificate is for another name",
        "upstream_tls",
        "That the TLS handshake failed; the request never left.",
    ),
    _failed(
        "says-nothing",
        REACH,
        "accepts and says nothing",
        "upstream_timeout",
        "That it did not answer within `timeouts.headers`.",
        status=504,
    ),
    _failed(
        "half-a-head",
        REACH,
        "half a head, then silence",
        "upstream_timeout",
        "That it did not answer within `timeouts.headers`.",
        status=504,
    ),
    _failed(
        "head-breaks-off",
        REACH,
        "half a head, then the end of the connection",
        "upstream_reset",
        "That it closed the connection before its answer.",
    ),
    _failed(
        "closes",
        REACH,
        "takes the request and closes",
        "upstream_reset",
        "That it closed the connection before its answer.",
    ),
    _failed(
        "resets",
        REACH,
        "takes the request and resets",
        "upstream_reset",
        "That it closed the connection before its answer.",
    ),
    _failed("not-http", REACH, "speaks something else", "upstream_invalid", "That its answer is not HTTP."),
    _failed(
        "header-bomb",
        REACH,
        "a head of a megabyte",
        "upstream_invalid",
        "That its answer is not HTTP; no more than a bounded part of it was read.",
    ),
    _fine(
        "kept-connection-dies",
        REACH,
        "a kept connection dies on the next request, inference",
        "The answer; the log counts one attempt and the lane no failure.",
        moments=ANY,
        retried="same lane once",
    ),
    Fault(
        id="kept-connection-dies-on-a-post",
        side="upstream",
        group=REACH,
        what="a kept connection dies on the next request, any other POST",
        status=502,
        code="upstream_reset",
        answer="That it closed the connection: its bytes had left, and what it did with them is unknown.",
        whose="lane",
        row="error",
        error="upstream_reset",
        doors={"python": "does not serve other POSTs (501 `not_supported`)."},
    ),
    _failed(
        "two-lengths",
        FRAMING,
        "two Content-Lengths that differ",
        "upstream_invalid",
        "That its answer is not HTTP.",
    ),
    _fine("same-length-twice", FRAMING, "the same Content-Length twice", "The answer, with one."),
    _fine(
        "length-and-chunked",
        FRAMING,
        "Content-Length beside Transfer-Encoding: chunked",
        "The answer as its chunks say; the length is dropped.",
    ),
    _failed(
        "coded-transfer",
        FRAMING,
        "Transfer-Encoding: gzip, chunked",
        "upstream_invalid",
        "That it cannot be read: nobody asked for that.",
    ),
    _failed(
        "broken-chunk",
        FRAMING,
        "a chunk whose size is no number",
        "upstream_cut",
        "That the answer broke off.",
    ),
    _failed(
        "length-too-long",
        FRAMING,
        "Content-Length says more than comes",
        "upstream_cut",
        "That the answer broke off.",
    ),
    _failed(
        "length-too-short",
        FRAMING,
        "Content-Length says less than comes",
        "upstream_invalid",
        "That the answer is not whole JSON.",
    ),
    _fine(
        "second-answer",
        FRAMING,
        "a second answer behind the first, which nobody asked for",
        "The first; the connection is not used again, so nobody gets the second.",
    ),
    _fine(
        "http-1.0",
        FRAMING,
        "HTTP/1.0, the end of the connection ends the answer",
        "The answer, if it is whole JSON.",
    ),
    _fine("trailers", FRAMING, "trailers behind the answer", "The answer; trailers are dropped."),
    _fine(
        "interim-answers",
        FRAMING,
        "100, 102 and 103 before the answer",
        "The answer; interim ones are dropped.",
    ),
    _failed(
        "switches-protocols",
        FRAMING,
        "101 Switching Protocols",
        "upstream_invalid",
        "That it switched protocols, which nobody had asked for.",
    ),
    _fine(
        "h2-goaway-idle",
        HTTP2,
        "GOAWAY between two requests",
        "The answer, by a new connection.",
        moments=ANY,
        only_compiled=True,
    ),
    _fine(
        "h2-goaway-unprocessed",
        HTTP2,
        "GOAWAY that says that the request was not processed",
        "The answer, by a new connection; no attempt is counted.",
        moments=ANY,
        retried="same lane once",
        only_compiled=True,
    ),
    _fine(
        "h2-goaway-mid-stream",
        HTTP2,
        "GOAWAY in mid-stream, and the stream goes on",
        "The whole stream.",
        moments=("after",),
        only_compiled=True,
    ),
    _fine(
        "h2-refused-stream",
        HTTP2,
        "RST_STREAM with REFUSED_STREAM, once",
        "The answer; no attempt is counted. Other POSTs are sent again too: it said that it did nothing.",
        moments=ANY,
        retried="same lane once",
        only_compiled=True,
    ),
    _fine(
        "h2-connection-dies",
        HTTP2,
        "a kept connection dies on the next request",
        "The answer, by a new connection; no attempt is counted.",
        moments=ANY,
        retried="same lane once",
        only_compiled=True,
    ),
    _failed(
        "h2-reset-before",
        HTTP2,
        "RST_STREAM with INTERNAL_ERROR before the answer",
        "upstream_reset",
        "That it closed the connection before its answer.",
        doors=PYTHON_H1,
    ),
    _cut(
        "h2-reset-mid-stream",
        "RST_STREAM in mid-stream (INTERNAL_ERROR, CANCEL or NO_ERROR)",
        "All whole events, an error event, an abnormal end: NO_ERROR is no end either.",
    ),
    _cut(
        "h2-goaway-and-end",
        "GOAWAY with an error in mid-stream, then the end of the connection",
        "All whole events, an error event, an abnormal end.",
    ),
    _failed(
        "h2-json-reset",
        HTTP2,
        "RST_STREAM with NO_ERROR inside a JSON answer",
        "upstream_cut",
        "That the answer broke off.",
        moments=("json",),
        doors=PYTHON_H1,
    ),
]
