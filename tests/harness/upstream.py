"""A provider that says exactly the bytes that it is told, when it is told.

The shipped mock speaks a dialect; this one speaks bytes, so that what the gateway relays can be compared with
what was sent. One thread a connection, blocking sockets: a test's script reads from top to bottom.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

__all__ = ["Exchange", "Request", "Script", "Upstream", "json_answer", "raw", "sse", "status", "stream_head"]


@dataclass(frozen=True)
class Request:
    """What arrived."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    """Names in lower case, in order."""
    body: bytes
    connection: int
    """Which of the upstream's connections, from 0."""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def header(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)


class _ClosedError(Exception):
    """The script wants the connection closed, or the gateway closed it."""


@dataclass
class Exchange:
    """One request and the connection that it came by."""

    connection: socket.socket
    request: Request

    def send(self, data: bytes) -> None:
        try:
            self.connection.sendall(data)
        except OSError:
            raise _ClosedError from None

    def close(self) -> None:
        """End the connection in order."""
        raise _ClosedError

    def reset(self) -> None:
        """End the connection by RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _ClosedError

    def wait_until_left(self, patience: float = 20.0) -> bool:
        """Whether the gateway leaves within the patience."""
        self.connection.settimeout(patience)
        try:
            return self.connection.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True


Script = Callable[[Exchange], None]


@dataclass
class Upstream:
    """The server. ``script`` answers every request; ``queue`` holds scripts that go first, one a request."""

    script: Script | None = None
    queue: list[Script] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    on_head: Callable[[Exchange], None] | None = None
    """Called when a request's head is here and its body is not."""
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, 0), family=family, backlog=128)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._closing = False
        self.connections = 0
        self.failure: BaseException | None = None
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close()
        if kind is None and self.failure is not None:
            raise AssertionError("the upstream's script failed") from self.failure

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/v1"

    def close(self) -> None:
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        self._acceptor.join(5)
        for thread in self._threads:
            thread.join(5)

    def hang_up(self) -> None:
        """Close every connection."""
        with self._lock:
            opened = list(self._open)
        for connection in opened:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                number, self.connections = self.connections, self.connections + 1
                self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        if self.tls is not None:
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                return
        reader = connection.makefile("rb")
        try:
            while self._exchange(connection, reader, number):
                pass
        except (_ClosedError, OSError, ValueError):
            pass
        except BaseException as error:
            self.failure = error
        finally:
            with self._lock:
                self._open.discard(connection)
            reader.close()
            connection.close()

    def _exchange(self, connection: socket.socket, reader: socket.SocketIO, number: int) -> bool:
        first = reader.readline().decode("latin-1").rstrip("\r\n")
        if not first:
            return False
        method, target, _ = first.split(" ", 2)
        headers: list[tuple[str, str]] = []
        while line := reader.readline().decode("latin-1").rstrip("\r\n"):
            name, _, value = line.partition(":")
            headers.append((name.lower(), value.strip()))
        if self.on_head is not None:
            self.on_head(Exchange(connection, Request(method, target, headers, b"", number)))
        request = Request(method, target, headers, _body(reader, dict(headers)), number)
        with self._lock:
            self.requests.append(request)
            script = self.queue.pop(0) if self.queue else self.script
        if script is None:
            raise AssertionError(f"nobody said how to answer {method} {target}")
        script(Exchange(connection, request))
        return True


def _body(reader: socket.SocketIO, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts = []
        while size := int(reader.readline().split(b";")[0], 16):
            parts.append(_exactly(reader, size))
            reader.readline()
        reader.readline()
        return b"".join(parts)
    return _exactly(reader, int(headers.get("content-length", "0")))


def _exactly(reader: socket.SocketIO, size: int) -> bytes:
    body = reader.read(size) or b""
    if len(body) < size:
        raise _ClosedError
    return body


def raw(data: bytes, *, close: bool = False) -> Script:
    """Send bytes as they are."""

    def script(exchange: Exchange) -> None:
        exchange.send(data)
        if close:
            exchange.close()

    return script


def status(code: int, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Script:
    """An answer with a length."""
    lines = [f"HTTP/1.1 {code} Scripted", f"content-length: {len(body)}"]
    if not any(name.lower() == "content-type" for name, _ in headers):
        lines.append("content-type: application/json")
    lines += [f"{name}: {value}" for name, value in headers]
    return raw("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


def json_answer(body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Script:
    """A 200 of JSON."""
    return status(200, body, headers)


def stream_head(headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """The head of a chunked event stream."""
    lines = ["HTTP/1.1 200 OK", "content-type: text/event-stream", "transfer-encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def sse(*pieces: bytes, end: bool = True, headers: Sequence[tuple[str, str]] = ()) -> Script:
    """An event stream in the given pieces; without ``end`` the connection closes before the last chunk."""

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head(headers))
        for piece in pieces:
            exchange.send(chunk(piece))
        if not end:
            exchange.close()
        exchange.send(b"0\r\n\r\n")

    return script
