"""A proxy that carries connections: CONNECT, in TLS or not, or SOCKS 5. It counts what it was asked for."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import Literal, Self

__all__ = ["CarryingProxy"]


@dataclass
class CarryingProxy:
    """The proxy.

    Attributes:
        kind: what it speaks.
        credential: ``user:password`` that it asks for; empty for none.
        refuse: the status, or the SOCKS reply, that it answers with instead; 0 for none.
        silent: it takes a connection and never says anything.
        resolves: hosts that it knows by another address, as a resolver of its own would.
        asked: ``host:port`` of each connection that was asked for.

    """

    kind: Literal["http", "socks5"] = "http"
    credential: str = ""
    refuse: int = 0
    silent: bool = False
    tls: ssl.SSLContext | None = None
    resolves: dict[str, tuple[str, int]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: set[socket.socket] = set()
        self._closing = False
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        scheme = "socks5h" if self.kind == "socks5" else "https" if self.tls else "http"
        host = "localhost" if self.tls else "127.0.0.1"
        at = f"{self.credential}@" if self.credential else ""
        return f"{scheme}://{at}{host}:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(5)

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError, ValueError, IndexError):
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self._open.add(connection)
            if self.silent:
                while connection.recv(4096):
                    pass
            elif target := self._connect(connection) if self.kind == "http" else self._socks(connection):
                self._carry(connection, target)
        with contextlib.suppress(OSError):
            connection.close()

    def _connect(self, connection: socket.socket) -> tuple[str, int] | None:
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(4096)
            if not part:
                return None
            head += part
        first, *lines = head.decode("latin-1").split("\r\n")
        method, authority, _ = first.split(" ")
        assert method == "CONNECT"
        headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
        self.asked.append(authority)
        told = next((line.split(" ")[-1] for line in lines if line.lower().startswith("proxy-auth")), "")
        expected = base64.b64encode(self.credential.encode()).decode()
        if self.credential and told != expected:
            connection.sendall(b"HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n")
            return None
        assert "authorization" not in headers, "the provider's key is not the proxy's to see"
        if self.refuse:
            connection.sendall(f"HTTP/1.1 {self.refuse} No\r\ncontent-length: 0\r\n\r\n".encode())
            return None
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        host, _, port = authority.rpartition(":")
        return self.resolves.get(host, (host.strip("[]"), int(port)))

    def _socks(self, connection: socket.socket) -> tuple[str, int] | None:
        methods = connection.recv(2)[1]
        offered = connection.recv(methods)
        wanted = 2 if self.credential else 0
        if wanted not in offered:
            connection.sendall(b"\x05\xff")
            return None
        connection.sendall(bytes([5, wanted]))
        if self.credential:
            _, length = connection.recv(2)
            name = connection.recv(length)
            password = connection.recv(connection.recv(1)[0])
            right = name + b":" + password == self.credential.encode()
            connection.sendall(bytes([1, 0 if right else 1]))
            if not right:
                return None
        _, _, _, kind = connection.recv(4)
        if kind == 3:
            host = connection.recv(connection.recv(1)[0]).decode()
        else:
            family, length = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
            host = socket.inet_ntop(family, connection.recv(length))
        port = int.from_bytes(connection.recv(2))
        self.asked.append(f"{host}:{port}")
        connection.sendall(bytes([5, self.refuse, 0, 1, 0, 0, 0, 0, 0, 0]))
        return None if self.refuse else self.resolves.get(host, (host, port))

    def _carry(self, connection: socket.socket, target: tuple[str, int]) -> None:
        with socket.create_connection(target, timeout=20) as provider:
            self._open.add(provider)
            provider.settimeout(None)
            back = threading.Thread(target=_pump, args=(provider, connection), daemon=True)
            back.start()
            _pump(connection, provider)
            back.join(20)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while part := source.recv(65536):
            sink.sendall(part)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
