"""What clients do wrong with HTTP/1.1 itself. Nothing here ever becomes a second request."""

from __future__ import annotations

from harness.faults import Fault

_HEAD = "the head of a request"
_LENGTH = "where a body ends"
_REQUESTS = "targets, methods, versions, pipelines"
_SAME = "400 `invalid_request` by the parser; where the request had begun, its row says `cancelled`."


def _unread(id: str, group: str, what: str, answer: str = "", **more: object) -> Fault:  # noqa: A002
    """A head that the HTTP parser refuses: no request was made, so no row tells of one."""
    return Fault(
        id=id,
        side="client",
        group=group,
        what=what,
        status=400,
        code="invalid_request",
        answer=answer or "The connection closes.",
        row=None,
        **more,  # type: ignore[arg-type]
    )


def _refused(id: str, group: str, what: str, answer: str = "", **more: object) -> Fault:  # noqa: A002
    """A request that is refused after its head was read."""
    return Fault(
        id=id,
        side="client",
        group=group,
        what=what,
        status=400,
        code="invalid_request",
        answer=answer or "The connection closes.",
        row="error",
        error="invalid_request",
        **more,  # type: ignore[arg-type]
    )


def _fine(id: str, group: str, what: str, answer: str, **more: object) -> Fault:  # noqa: A002
    """What looks odd and has one meaning."""
    return Fault(id=id, side="client", group=group, what=what, status=200, answer=answer, row="ok", **more)  # type: ignore[arg-type]


FAULTS = [
    Fault(
        id="header-bomb-size",
        side="client",
        group=_HEAD,
        what="a header line of 1 MB",
        status=431,
        code="headers_too_large",
        answer="Head and target together are bounded by `limits.client_headers_size`.",
        row=None,
    ),
    Fault(
        id="header-bomb-total",
        side="client",
        group=_HEAD,
        what="many header lines, together over the bound",
        status=431,
        code="headers_too_large",
        answer="The connection closes.",
        row=None,
    ),
    Fault(
        id="header-bomb-count",
        side="client",
        group=_HEAD,
        what="101 header lines",
        status=431,
        code="headers_too_large",
        answer="100 are taken.",
        row=None,
        doors={"asgi": "Passes: here the size alone is bounded."},
    ),
    Fault(
        id="long-target",
        side="client",
        group=_HEAD,
        what="a target over the bound",
        status=431,
        code="headers_too_large",
        answer="The connection closes.",
        row=None,
    ),
    _unread("space-before-colon", _HEAD, "white space between a header's name and its colon"),
    _unread("folded-header", _HEAD, "a header line that goes on in the next one"),
    _unread("nul-in-header", _HEAD, "NUL in a header's value"),
    _unread("bare-cr", _HEAD, "CR alone inside a header's value"),
    _unread("no-colon", _HEAD, "a header line without a colon"),
    _fine(
        "bare-lf",
        _HEAD,
        "LF alone as line end",
        "RFC 9112 (2.2) lets it end a line. Header lines are written anew for the provider.",
        doors={"asgi": _SAME},
    ),
    _refused("two-hosts", _HEAD, "two Host lines"),
    _refused("no-host", _HEAD, "HTTP/1.1 without Host"),
    _unread("garbage", _HEAD, "bytes of another protocol (a TLS hello on the plain port)"),
    _unread(
        "no-version",
        _HEAD,
        "HTTP/0.9",
        doors={
            "uvicorn": "Refused for the missing Host, with a row.",
            "python": "403 `host_forbidden`.",
        },
    ),
    _fine(
        "two-lengths-equal",
        _LENGTH,
        "Content-Length twice, with one value",
        "One length; a new one is written for the provider.",
        doors={"asgi": _SAME},
    ),
    _unread("two-lengths", _LENGTH, "Content-Length twice, with two values"),
    _unread("length-list", _LENGTH, "Content-Length as a list"),
    _unread("length-signed", _LENGTH, "Content-Length with a sign"),
    _unread("length-overflow", _LENGTH, "Content-Length beyond 64 bits"),
    _fine(
        "chunked-and-length",
        _LENGTH,
        "Transfer-Encoding and Content-Length",
        "The body is framed by its chunks alone, and the connection closes behind it (RFC 9112, 6.1): "
        "what follows is never read.",
        doors={"asgi": _SAME},
    ),
    _refused(
        "coded-below-chunked",
        _LENGTH,
        "`Transfer-Encoding: gzip, chunked`, `identity, chunked`, `,chunked`",
    ),
    _refused("chunked-twice", _LENGTH, "Transfer-Encoding twice", doors={"asgi": _SAME}),
    _unread("chunked-first", _LENGTH, "`Transfer-Encoding: chunked, identity`"),
    _unread("unknown-coding", _LENGTH, "`Transfer-Encoding: xchunked`, with a Content-Length and without"),
    _unread("coding-after-vertical-tab", _LENGTH, "`Transfer-Encoding: <VT>chunked`"),
    _unread("coding-folded", _LENGTH, "`Transfer-Encoding:` and `chunked` in the next line"),
    _fine(
        "coding-with-space",
        _LENGTH,
        "spaces or a tab before `chunked`, capital letters",
        "White space around a value is no part of it.",
    ),
    _unread(
        "chunked-in-1.0",
        _LENGTH,
        "Transfer-Encoding in HTTP/1.0",
        doors={"asgi": "Read by its chunks, and the connection closes behind it."},
    ),
    _refused(
        "chunk-size-no-hex",
        _LENGTH,
        "a chunk size that is no number, or signed, or `0x`",
        doors={"asgi": _SAME},
    ),
    _refused("chunk-size-overflow", _LENGTH, "a chunk size beyond 64 bits", doors={"asgi": _SAME}),
    Fault(
        id="chunk-size-huge",
        side="client",
        group=_LENGTH,
        what="a chunk size of 2^64-1",
        status=408,
        code="request_timeout",
        answer="Sizes are believed as bytes come: here none do.",
        row="error",
        error="request_timeout",
    ),
    _refused("chunk-without-end", _LENGTH, "a chunk without CRLF behind it", doors={"asgi": _SAME}),
    _refused("chunk-lf", _LENGTH, "LF alone behind a chunk size", doors={"asgi": _SAME}),
    _fine("chunk-extension", _LENGTH, "chunk extensions", "They mean nothing and go no further."),
    _refused(
        "chunk-extension-bomb",
        _LENGTH,
        "chunk extensions of 100 kB",
        doors={"asgi": "Passes: they are skipped as they come and kept nowhere."},
    ),
    _fine(
        "trailers",
        _LENGTH,
        "trailers that look like headers",
        "They are no headers: nothing reads them and none goes up.",
    ),
    _refused(
        "trailer-bomb",
        _LENGTH,
        "trailers of 1 MB",
        doors={"asgi": "431 `headers_too_large`; no row."},
    ),
    _fine(
        "absolute-target", _REQUESTS, "a target with scheme and host", "It is brought into the usual form."
    ),
    Fault(
        id="absolute-target-elsewhere",
        side="client",
        group=_REQUESTS,
        what="a target with a host that is not ours, and a Host that is",
        status=403,
        code="host_forbidden",
        answer="The target's host counts (RFC 9112, 3.2.2), on admin paths too.",
        row="error",
        error="host_forbidden",
    ),
    Fault(
        id="connect",
        side="client",
        group=_REQUESTS,
        what="CONNECT",
        status=404,
        code="route_not_found",
        answer="The gateway is no tunnel.",
        row=None,
        doors={"asgi": "400 `invalid_request`: the parser's refusal."},
    ),
    Fault(
        id="odd-methods",
        side="client",
        group=_REQUESTS,
        what="TRACE, or a method that nobody knows, on an inference path",
        status=404,
        code="route_not_found",
        answer="No provider is asked.",
        row="error",
        error="route_not_found",
        doors={
            "uvicorn": "A method that nobody knows is the parser's 400; TRACE is the same.",
            "python": "A method that nobody knows is the parser's 400; TRACE is 501 `not_supported`.",
        },
    ),
    _fine("http-1.0", _REQUESTS, "HTTP/1.0", "Answered in HTTP/1.0's manner: the connection closes."),
    _unread(
        "unknown-version",
        _REQUESTS,
        "HTTP/3.7 in the request line",
        doors={},
    ),
    _fine("pipelined", _REQUESTS, "two good requests at once", "Answered in order."),
    _fine(
        "pipelined-bad",
        _REQUESTS,
        "a good request and garbage behind it",
        "The good one is answered; the garbage gets a 400 `invalid_request`, and the connection closes.",
        doors={"asgi": "The good one is answered; the connection closes on the garbage without a word."},
    ),
    _fine(
        "upgrade-h2c",
        _REQUESTS,
        "Upgrade: h2c on a request with a body",
        "The upgrade is ignored; HTTP/2 without TLS begins with its preface.",
        doors={"asgi": "400 `invalid_json`: the parser gives up the body to the other protocol."},
    ),
]
