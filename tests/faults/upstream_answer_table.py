"""Answers of providers that are no good: statuses, JSON, compressed bodies."""

from __future__ import annotations

from harness.faults import Fault

__all__ = ["FAULTS"]

STATUS = "its status"
JSON = "its JSON"
CODED = "a compressed body, though none was asked for"


def _row(name: str, group: str, what: str, status: int, answer: str, **more: object) -> Fault:
    return Fault(id=name, side="upstream", group=group, what=what, status=status, answer=answer, **more)  # type: ignore[arg-type]


def _passed(name: str, group: str, what: str, status: int, answer: str, **more: object) -> Fault:
    """Its own answer, where no lane is left."""
    return _row(
        name,
        group,
        what,
        status,
        answer,
        retried="next lane",
        row="error",
        error="upstream_status",
        **more,
    )


def _rejected(name: str, group: str, what: str, status: int, answer: str, **more: object) -> Fault:
    """Its own answer: the request, or the key, is at fault."""
    return _row(name, group, what, status, answer, row="error", error="upstream_rejected", **more)


def _failed(
    name: str, group: str, what: str, code: str, answer: str, *, status: int = 502, **more: object
) -> Fault:
    """The lane's failure, told in the gateway's words."""
    return _row(
        name,
        group,
        what,
        status,
        answer,
        code=code,
        retried="next lane",
        row="error",
        error=code,
        **more,
    )


FAULTS = [
    _passed(
        "429-seconds",
        STATUS,
        "429 with Retry-After in seconds",
        429,
        "Its answer as it came, Retry-After too.",
    ),
    _passed(
        "429-date", STATUS, "429 with Retry-After as a date", 429, "Its answer as it came, Retry-After too."
    ),
    _passed("500-page", STATUS, "500 with an HTML page", 500, "The page as it came."),
    _passed("500-large", STATUS, "500 with 200 kB", 500, "All of it: what is not held is fetched then."),
    _passed(
        "500-stands-still",
        STATUS,
        "500, and its text does not come",
        500,
        "Its status with a text of the gateway's, after `timeouts.idle` or 5 s, whichever is less.",
        code="upstream_status",
    ),
    _passed(
        "500-breaks-off",
        STATUS,
        "500, and its text breaks off",
        500,
        "Its status with a text of the gateway's.",
        code="upstream_status",
    ),
    _rejected("400", STATUS, "400", 400, "Its answer as it came."),
    _rejected(
        "401-echoes-the-key",
        STATUS,
        "401 that echoes the key: in its text, over the borders of chunks, in a header",
        401,
        "Its answer with an asterisk for each character of the key.",
    ),
    _rejected(
        "404-breaks-off",
        STATUS,
        "404, and its text breaks off",
        404,
        "Its status with a text of the gateway's.",
        code="upstream_rejected",
    ),
    _rejected("404-large", STATUS, "404 with 200 kB", 404, "All of it."),
    _failed(
        "redirect",
        STATUS,
        "a redirect of inference",
        "upstream_invalid",
        "That its base URL is wrong. It is not followed, nor its Location shown: a client that followed it "
        "would pass the gateway by.",
    ),
    _rejected(
        "redirect-of-a-file",
        STATUS,
        "a redirect of anything else",
        302,
        "Its answer as it came; a Location on the provider's own host is dropped.",
        doors={"python": "does not serve anything else (501 `not_supported`)."},
    ),
    _failed("json-broken", JSON, "200 with broken JSON", "upstream_invalid", "That it is not whole JSON."),
    _failed(
        "json-short-of-its-length",
        JSON,
        "200, JSON cut short of its Content-Length",
        "upstream_cut",
        "That it broke off.",
    ),
    _failed(
        "json-without-last-chunk",
        JSON,
        "200, JSON cut before the last chunk",
        "upstream_cut",
        "That it broke off.",
    ),
    _failed(
        "json-cut-by-close",
        JSON,
        "200, JSON cut where only the end of the connection ends it",
        "upstream_invalid",
        "That it is not whole JSON.",
    ),
    _failed("page", JSON, "200 with an HTML page", "upstream_invalid", "That it is not whole JSON."),
    _failed("empty", JSON, "200 with nothing", "upstream_invalid", "That it is not whole JSON."),
    _failed(
        "json-stands-still",
        JSON,
        "200, and the JSON does not come",
        "upstream_timeout",
        "That it took longer than `timeouts.json`.",
        status=504,
    ),
    _row("byte-order-mark", JSON, "200, JSON behind a byte order mark", 200, "It as it came.", row="ok"),
    _row(
        "json-echoes-the-key",
        JSON,
        "200, JSON that echoes the key",
        200,
        "It with an asterisk for each character of the key.",
        row="ok",
    ),
    _row(
        "gzip-json",
        CODED,
        "200, JSON in gzip, br or zstd, and the client accepts that",
        200,
        "It as it came, unread: no tokens are counted.",
        row="ok",
    ),
    _failed(
        "gzip-for-nobody",
        CODED,
        "200 in gzip, br or zstd, and the client does not accept that",
        "upstream_invalid",
        "That it is compressed. Nothing is ever decompressed.",
    ),
    _row(
        "gzip-bomb",
        CODED,
        "200, 100 MB in 100 kB of gzip",
        200,
        "The 100 kB, if it accepts gzip.",
        row="ok",
    ),
    _row(
        "gzip-stream",
        CODED,
        "an event stream in gzip, br or zstd, and the client accepts that",
        200,
        "It as it came, unread.",
        row="ok",
    ),
    _row(
        "gzip-stream-cut",
        CODED,
        "the same, and it breaks off",
        200,
        "What came of it and an abnormal end; no event can be added.",
        row="cut",
        error="upstream_cut",
    ),
    _rejected(
        "gzip-401",
        CODED,
        "401 in gzip",
        401,
        "Its status with a text of the gateway's: a key in it could not be masked.",
        code="upstream_rejected",
    ),
    _passed(
        "gzip-503",
        CODED,
        "503 in gzip",
        503,
        "Its status with a text of the gateway's: a key in it could not be masked.",
        code="upstream_status",
    ),
]
