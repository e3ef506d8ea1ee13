"""Answers of providers that are no good: statuses, JSON, compressed bodies."""

from __future__ import annotations

from harness.faults import ANY, Fault

__all__ = ["FAULTS"]

STATUS = "its status"
JSON = "its JSON"
CODED = "a compressed body, though none was asked for"
AS_IT_CAME = "Its answer as it came."
FAULTY = (408, 409, 421, 425, 502, 503, 504, 529)


def _row(name: str, group: str, what: str, status: int, answer: str, **more: object) -> Fault:
    fields = {
        "id": name,
        "side": "upstream",
        "group": group,
        "what": what,
        "status": status,
        "answer": answer,
    }
    return Fault(**{"moments": ANY, **fields, **more})  # type: ignore[arg-type]


def _passed(name: str, group: str, what: str, status: int, answer: str, **more: object) -> Fault:
    """Its own answer, where no lane is left."""
    own = {"whose": "lane", "retried": "next lane", "row": "error", "error": "upstream_status"}
    return _row(name, group, what, status, answer, **{**own, **more})


def _limited(name: str, what: str, status: int, answer: str = AS_IT_CAME) -> Fault:
    """Its own answer, where no lane is left: it is at its limit."""
    return _passed(name, STATUS, what, status, answer, whose="limit")


def _refused(name: str, group: str, what: str, status: int, answer: str, **more: object) -> Fault:
    """Its own answer, where no key is left."""
    return _passed(
        name, group, what, status, answer, **{"whose": "key", "error": "upstream_key_refused", **more}
    )


def _rejected(name: str, group: str, what: str, status: int, answer: str, **more: object) -> Fault:
    """Its own answer: the request is at fault."""
    own = {"whose": "client", "row": "error", "error": "upstream_rejected"}
    return _row(name, group, what, status, answer, **{**own, **more})


def _filtered(name: str, what: str, status: int) -> Fault:
    """Its own answer: it works, and did not want to."""
    own = {"whose": "filter", "row": "error", "error": "upstream_filtered"}
    return _row(name, STATUS, what, status, AS_IT_CAME, **own)


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
        **{"whose": "lane", "code": code, "retried": "next lane", "row": "error", "error": code, **more},
    )


FAULTS = [
    _limited(
        "429-seconds", "429 with Retry-After in seconds", 429, "Its answer as it came, Retry-After too."
    ),
    _limited("429-date", "429 with Retry-After as a date", 429, "Its answer as it came, Retry-After too."),
    _limited("400-limit", "400 with the code of a rate limit, as Bedrock's `ThrottlingException`", 400),
    _limited("503-limit", "503 with the code of a rate limit", 503),
    *(_passed(str(code), STATUS, str(code), code, AS_IT_CAME) for code in FAULTY),
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
    *(_rejected(str(code), STATUS, str(code), code, AS_IT_CAME) for code in (400, 404, 413, 422)),
    _filtered("400-filter", "400 with the code of a content filter", 400),
    _filtered("403-filter", "403 with the code of a content filter", 403),
    *(_refused(str(code), STATUS, str(code), code, AS_IT_CAME) for code in (401, 402, 403)),
    _refused("429-quota", STATUS, "429 with `insufficient_quota`", 429, AS_IT_CAME),
    _refused("400-key", STATUS, "400 with the code of a bad key, as Gemini's", 400, AS_IT_CAME),
    _refused(
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
        moments=(),
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
    _row(
        "byte-order-mark",
        JSON,
        "200, JSON behind a byte order mark",
        200,
        "It as it came.",
        moments=("json",),
        row="ok",
    ),
    _row(
        "json-echoes-the-key",
        JSON,
        "200, JSON that echoes the key",
        200,
        "It with an asterisk for each character of the key.",
        moments=("json",),
        row="ok",
    ),
    _row(
        "gzip-json",
        CODED,
        "200, JSON in gzip, br or zstd, and the client accepts that",
        200,
        "It as it came, unread: no tokens are counted.",
        moments=("json",),
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
        moments=("json",),
        row="ok",
    ),
    _row(
        "gzip-stream",
        CODED,
        "an event stream in gzip, br or zstd, and the client accepts that",
        200,
        "It as it came, unread.",
        moments=("after",),
        row="ok",
    ),
    _row(
        "gzip-stream-cut",
        CODED,
        "the same, and it breaks off",
        200,
        "What came of it and an abnormal end; no event can be added.",
        whose="lane",
        moments=("after",),
        row="cut",
        error="upstream_cut",
    ),
    _refused(
        "gzip-401",
        CODED,
        "401 in gzip",
        401,
        "Its status with a text of the gateway's: a key in it could not be masked.",
        code="upstream_key_refused",
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
