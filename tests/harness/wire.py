"""HTTP/1.1 by hand: what was received, byte for byte, and how it ended.

A library hides what matters here: whether the last chunk came, or the connection ended without it.
"""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

__all__ = ["Answer", "End", "Headers", "Wire"]

Headers = list[tuple[str, str]]


class End(StrEnum):
    """How an answer ended."""

    WHOLE = "whole"
    CUT = "cut"


@dataclass(frozen=True)
class Answer:
    """One answer, read to its end."""

    status: int
    headers: Headers
    body: bytes
    end: End

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


class Wire:
    """One connection to a gateway."""

    def __init__(self, port: int, *, timeout: float = 20.0, receive_buffer: int | None = None) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(("127.0.0.1", port))
        except OSError:
            self._socket.close()
            raise
        self._port = port
        self._buffer = b""
        self._eof = False
        self._headers: Headers = []
        self._status = 0
        self.end: End | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def reset(self) -> None:
        """Leave by RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def head(self, method: str, target: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Send a request's head."""
        lines = [f"{method} {target} HTTP/1.1"]
        if not any(name.lower() == "host" for name, _ in headers):
            lines.append(f"Host: 127.0.0.1:{self._port}")
        lines += [f"{name}: {value}" for name, value in headers]
        self.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def post(self, target: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Send a JSON request."""
        self.head(
            "POST",
            target,
            [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers],
        )
        self.write(body)

    def open(self) -> tuple[int, Headers]:
        """Read an answer's head."""
        self.end = None
        while b"\r\n\r\n" not in self._buffer:
            if not self._fill():
                raise AssertionError(f"the connection ended before an answer: {self._buffer!r}")
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        self._status = int(first.split(" ")[1])
        if self._status == 100:
            return self.open()
        split = [line.partition(":") for line in lines]
        self._headers = [(name.lower(), value.strip()) for name, _, value in split]
        return self._status, self._headers

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes; ``end`` says afterwards how it ended."""
        named = dict(self._headers)
        if named.get("transfer-encoding", "").lower() == "chunked":
            yield from self._chunks()
        elif "content-length" in named:
            yield from self._counted(int(named["content-length"]))
        elif self._status in (204, 304):
            self.end = End.WHOLE
        else:
            while self._buffer or self._fill():
                data, self._buffer = self._buffer, b""
                yield data
            self.end = End.WHOLE

    def answer(self) -> Answer:
        """Read one answer to its end."""
        status, headers = self.open()
        body = b"".join(self.pieces())
        assert self.end is not None
        return Answer(status, headers, body, self.end)

    def read_until(self, marker: bytes) -> bytes:
        """Read a chunked body until what came holds a marker."""
        seen = b""
        for piece in self.pieces():
            seen += piece
            if marker in seen:
                return seen
        raise AssertionError(f"{marker!r} did not come in {seen!r}")

    def has_more(self, patience: float) -> bool:
        """Whether something is to be read, an end included, within the patience."""
        return bool(self._buffer) or bool(select.select([self._socket], [], [], patience)[0])

    def interim(self) -> int:
        """Read the head of an answer that is not the last one."""
        while b"\r\n\r\n" not in self._buffer:
            assert self._fill(), f"the connection ended before an answer: {self._buffer!r}"
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        return int(head.split(b" ")[1])

    def at_end(self) -> bool:
        """Whether the gateway has closed the connection behind what was read."""
        return not self._buffer and not self._fill()

    def _counted(self, length: int) -> Iterator[bytes]:
        left = length
        while left:
            if not self._buffer and not self._fill():
                self.end = End.CUT
                return
            piece, self._buffer = self._buffer[:left], self._buffer[left:]
            left -= len(piece)
            yield piece
        self.end = End.WHOLE

    def _chunks(self) -> Iterator[bytes]:
        while True:
            size = self._line()
            if size is None:
                self.end = End.CUT
                return
            length = int(size, 16)
            if length == 0:
                self.end = End.WHOLE if self._line() is not None else End.CUT
                return
            while len(self._buffer) < length + 2:
                if not self._fill():
                    self.end = End.CUT
                    if self._buffer:
                        yield self._buffer
                    return
            piece, self._buffer = self._buffer[:length], self._buffer[length + 2 :]
            yield piece

    def _line(self) -> bytes | None:
        while b"\r\n" not in self._buffer:
            if not self._fill():
                return None
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def _fill(self) -> bool:
        if self._eof:
            return False
        try:
            data = self._socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self._eof = not data
        self._buffer += data
        return bool(data)
