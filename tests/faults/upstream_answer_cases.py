"""How each row of ``upstream_answer_table.py`` is provoked."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence

from provoke import Case
from upstream_answer_table import FAULTY

from harness.chat import ANSWER, DONE, FINISH, delta
from harness.upstream import Exchange, Script, chunk, json_answer, raw, sse, status

JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
HTML = ("content-type", "text/html; charset=utf-8")
PAGE = b"<!doctype html>\n<title>502</title><p>nginx/1.25 on 10.1.2.3:8080</p>\n"
LARGE = json.dumps({"error": {"message": "x" * 200_000}}).encode()
REFUSAL = b'{ "error" : {"message": "no  such" , "code": null } }\n'
GZIP = ("content-encoding", "gzip")
LIMITED = b'{"message":"Too many","__type":"com.amazon.coral#ThrottlingException"}'
SLOW = b'{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}'
QUOTA = b'{"error":{"message":"pay","type":"insufficient_quota","code":"insufficient_quota"}}'
BAD_KEY = (
    b'[{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT",'
    b'"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}]'
)
FILTERED = (
    b'{"error":{"message":"filtered","type":null,"code":"content_filter","status":400,'
    b'"innererror":{"code":"ResponsibleAIPolicyViolation"}}}'
)
POLICY = b'{"error":{"message":"no","type":"invalid_request_error","code":"content_policy_violation"}}'
ACCEPTS = [("Accept-Encoding", "br;q=0.9, gzip, zstd")]
BOMB = gzip.compress(b"\0" * 100_000_000, 9)
STREAM = delta("a") + FINISH + DONE
CODED = {
    "gzip": (gzip.compress(ANSWER), gzip.compress(STREAM)),
    "br": (b"\x0b\x02\x80" + ANSWER[:6] + b"\x03", b"\x0b\x02\x80" + STREAM[:6] + b"\x03"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\x00" + ANSWER, b"\x28\xb5\x2f\xfd\x04\x00" + STREAM),
}
"""Nobody on the way reads them; real ones are for the client."""


def then_silence(data: bytes) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.wait_until_left()
        exchange.close()

    return script


def key_of(exchange: Exchange) -> str:
    return str(exchange.request.header("authorization")).removeprefix("Bearer ")


def echo(key: str) -> bytes:
    return f'{{"error":{{"message":"bad key {key}, {key}{key}","param":"{key[:-1]}"}}}}'.encode()


def masked(key: str) -> bytes:
    return echo(key).replace(key.encode(), b"*" * len(key))


def echoes(exchange: Exchange) -> None:
    """In a header, and over the borders of chunks."""
    key = key_of(exchange)
    body = echo(key)
    head = f"HTTP/1.1 401 No\r\ncontent-type: application/json\r\nx-you-sent: Bearer {key}\r\n"
    exchange.send(head.encode() + b"transfer-encoding: chunked\r\n\r\n")
    for at in range(0, len(body), 7):
        exchange.send(chunk(body[at : at + 7]))
    exchange.send(b"0\r\n\r\n")


def echoes_well(exchange: Exchange) -> None:
    json_answer(echo(key_of(exchange)))(exchange)


def coded_refusal(exchange: Exchange) -> None:
    status(401, gzip.compress(echo(key_of(exchange))), [GZIP])(exchange)


def stream_in(coding: str, body: bytes) -> Script:
    return sse(body, headers=[("content-encoding", coding)])


def said(code: int, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Case:
    return Case(script=status(code, body, headers), body=body, shows=dict(headers))


def good(body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Case:
    return Case(script=json_answer(body, headers), body=body, headers=ACCEPTS, shows=dict(headers))


CASES = {
    "429-seconds": said(429, REFUSAL, [("retry-after", "7"), ("x-ratelimit-remaining-requests", "0")]),
    "429-date": said(429, REFUSAL, [("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")]),
    "400-limit": said(400, LIMITED),
    "503-limit": said(503, SLOW),
    **{str(code): said(code, REFUSAL) for code in FAULTY},
    "500-page": said(500, PAGE, [HTML]),
    "500-large": said(500, LARGE),
    "500-stands-still": Case(
        script=then_silence(b"HTTP/1.1 500 No\r\ncontent-length: 100\r\n\r\n{"), timeouts={"idle": "300ms"}
    ),
    "500-breaks-off": Case(script=raw(b"HTTP/1.1 500 No\r\ncontent-length: 100\r\n\r\n{", close=True)),
    **{str(code): said(code, REFUSAL, [("x-why", "so")]) for code in (400, 404, 413, 422)},
    "400-filter": said(400, FILTERED),
    "403-filter": said(403, POLICY),
    **{str(code): said(code, REFUSAL) for code in (401, 402, 403)},
    "429-quota": said(429, QUOTA),
    "400-key": said(400, BAD_KEY),
    "401-echoes-the-key": Case(script=echoes, body=masked),
    "404-breaks-off": Case(script=raw(b"HTTP/1.1 404 No\r\ncontent-length: 100\r\n\r\nhalf", close=True)),
    "404-large": said(404, LARGE),
    "redirect": Case(
        script=status(307, b'<a href="http://10.0.0.1/">', [HTML, ("location", "http://10.0.0.1/v1/x")]),
        shows={"location": None},
    ),
    "json-broken": Case(script=json_answer(b'{"choices":[}')),
    "json-short-of-its-length": Case(
        script=raw(JSON_HEAD + b"content-length: 9000\r\n\r\n" + ANSWER, close=True)
    ),
    "json-without-last-chunk": Case(
        script=raw(JSON_HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunk(ANSWER), close=True)
    ),
    "json-cut-by-close": Case(script=raw(JSON_HEAD + b"\r\n" + ANSWER[:-20], close=True)),
    "page": Case(script=status(200, PAGE, [HTML])),
    "empty": Case(script=json_answer(b"")),
    "json-stands-still": Case(
        script=then_silence(JSON_HEAD + b"content-length: 100\r\n\r\n"), timeouts={"json": "300ms"}
    ),
    "byte-order-mark": good(b"\xef\xbb\xbf" + ANSWER),
    "json-echoes-the-key": Case(script=echoes_well, body=masked),
    "gzip-json": good(CODED["gzip"][0], [GZIP]),
    "gzip-for-nobody": Case(script=json_answer(CODED["gzip"][0], [GZIP])),
    "gzip-bomb": good(BOMB, [GZIP]),
    "gzip-stream": Case(script=stream_in("gzip", CODED["gzip"][1]), body=CODED["gzip"][1], headers=ACCEPTS),
    "gzip-stream-cut": Case(
        script=sse(CODED["gzip"][1][:20], end=False, headers=[GZIP]),
        body=CODED["gzip"][1][:20],
        headers=ACCEPTS,
    ),
    "gzip-401": Case(script=coded_refusal, headers=ACCEPTS, shows={"content-encoding": None}),
    "gzip-503": Case(script=status(503, gzip.compress(REFUSAL), [GZIP]), shows={"content-encoding": None}),
}
