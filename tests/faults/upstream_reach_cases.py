"""How each row of ``upstream_reach_table.py`` is provoked that needs no more than bytes."""

from __future__ import annotations

import socket
import ssl

from provoke import Case

from harness.certificates import Certificates
from harness.chat import ANSWER
from harness.upstream import Exchange, chunk, raw

SOON = {"headers": "300ms", "connect": "2s"}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
LENGTH = b"content-length: %d\r\n" % len(ANSWER)
CHUNKED = b"transfer-encoding: chunked\r\n"


def silence(exchange: Exchange) -> None:
    exchange.wait_until_left()
    exchange.close()


def half_a_head(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\ncontent-ty")
    silence(exchange)


def whole(head: bytes, body: bytes = ANSWER, *, close: bool = False) -> Case:
    return Case(script=raw(head + b"\r\n" + body, close=close), body=ANSWER)


def refusing_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return int(closed.getsockname()[1])


def serving(made: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain, made.key)
    return context


FOREIGN = b'{"choices":[],"foreign":true}'
SECOND = raw(HEAD + LENGTH + b"\r\n" + ANSWER + HEAD + b"content-length: %d\r\n\r\n" % len(FOREIGN) + FOREIGN)
"""An answer, and behind it one that nobody asked for."""
CASES = {
    "refused": Case(url=f"http://127.0.0.1:{refusing_port()}/v1"),
    "no-such-name": Case(url="http://nowhere.invalid/v1"),
    "says-nothing": Case(script=silence, timeouts=SOON),
    "half-a-head": Case(script=half_a_head, timeouts=SOON),
    "head-breaks-off": Case(script=raw(b"HTTP/1.1 200 OK\r\ncontent-ty", close=True)),
    "closes": Case(script=raw(b"", close=True)),
    "resets": Case(script=lambda exchange: exchange.reset()),
    "not-http": Case(script=raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", close=True)),
    "header-bomb": Case(script=raw(HEAD + b"x-bomb: " + b"x" * 1_000_000 + b"\r\n\r\n", close=True)),
    "two-lengths": Case(script=raw(HEAD + LENGTH + b"content-length: 7\r\n\r\n" + ANSWER)),
    "same-length-twice": whole(HEAD + LENGTH + LENGTH),
    "length-and-chunked": whole(
        HEAD + b"content-length: 7\r\n" + CHUNKED, chunk(ANSWER[:9]) + chunk(ANSWER[9:]) + b"0\r\n\r\n"
    ),
    "coded-transfer": Case(
        script=raw(HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n" + chunk(ANSWER) + b"0\r\n\r\n")
    ),
    "broken-chunk": Case(script=raw(HEAD + CHUNKED + b"\r\n" + chunk(ANSWER) + b"zz\r\n\r\n")),
    "length-too-long": Case(script=raw(HEAD + b"content-length: 9000\r\n\r\n" + ANSWER, close=True)),
    "length-too-short": Case(script=raw(HEAD + b"content-length: 9\r\n\r\n" + ANSWER)),
    "http-1.0": whole(HEAD.replace(b"1.1", b"1.0"), close=True),
    "trailers": whole(HEAD + CHUNKED + b"trailer: x-sum\r\n", chunk(ANSWER) + b"0\r\nx-sum: 1\r\n\r\n"),
    "interim-answers": whole(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
        b"HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n" + HEAD + LENGTH
    ),
    "switches-protocols": Case(
        script=raw(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", close=True
        )
    ),
}
