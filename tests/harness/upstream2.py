"""A provider that speaks HTTP/2 and takes only so many requests on a connection at one time."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import Self

import h2.config
import h2.connection
import h2.events
from h2.settings import SettingCodes

from harness.certificates import Certificates

__all__ = ["Upstream2"]


@dataclass
class Connection:
    """What happened on one connection."""

    socket: ssl.SSLSocket
    state: h2.connection.H2Connection
    open: set[int] = field(default_factory=set)
    whole: set[int] = field(default_factory=set)
    """Those of the open ones that are here to their end."""
    served: int = 0
    most: int = 0
    """Requests at one time."""
    told_to_go: bool = False


class Upstream2:
    """The server: it answers a request when :attr:`go` is set, all with the same JSON."""

    def __init__(self, certificates: Certificates, answer: bytes, *, streams: int) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.chain, certificates.key)
        self._context.set_alpn_protocols(["h2"])
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._answer = answer
        self._streams = streams
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.connections: list[Connection] = []
        self._holding = False

    @property
    def url(self) -> str:
        return f"https://localhost:{self._listener.getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for connection in self.connections:
            connection.socket.close()

    def _spawn(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    @property
    def waiting(self) -> int:
        """Requests that wait for their answer."""
        with self._lock:
            return sum(len(connection.whole) for connection in self.connections)

    def hold(self) -> None:
        """Answer nothing from here on."""
        with self._lock:
            self._holding = True

    def release(self) -> None:
        """Answer what waits, and everything from here on at once."""
        with self._lock:
            self._holding = False
            for connection in self.connections:
                for stream in sorted(connection.whole):
                    self._respond(connection, stream)
                self._flush(connection)

    def send_away(self) -> None:
        """Tell every client to go elsewhere; what it has begun is still answered."""
        with self._lock:
            for connection in self.connections:
                # By hand: the library would end the connection for itself too.
                last = connection.state.highest_inbound_stream_id.to_bytes(4, "big")
                frame = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + last + b"\x00\x00\x00\x00"
                connection.told_to_go = True
                with contextlib.suppress(OSError):
                    connection.socket.sendall(frame)

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
                secure = self._context.wrap_socket(plain, server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            configuration = h2.config.H2Configuration(client_side=False)
            connection = Connection(secure, h2.connection.H2Connection(configuration))
            connection.state.local_settings.update({SettingCodes.MAX_CONCURRENT_STREAMS: self._streams})
            connection.state.local_settings.acknowledge()
            connection.state.initiate_connection()
            with self._lock:
                self.connections.append(connection)
                self._flush(connection)
            self._spawn(self._serve, connection)

    def _serve(self, connection: Connection) -> None:
        while True:
            try:
                data = connection.socket.recv(65_536)
            except OSError:
                return
            if not data:
                return
            with self._lock:
                for event in connection.state.receive_data(data):
                    self._note(connection, event)
                self._flush(connection)

    def _note(self, connection: Connection, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived) and event.stream_id is not None:
            connection.open.add(event.stream_id)
            connection.most = max(connection.most, len(connection.open))
        elif isinstance(event, h2.events.StreamEnded) and event.stream_id is not None:
            connection.whole.add(event.stream_id)
            if not self._holding:
                self._respond(connection, event.stream_id)

    def _respond(self, connection: Connection, stream: int) -> None:
        headers = [(":status", "200"), ("content-type", "application/json")]
        connection.state.send_headers(stream, headers)
        connection.state.send_data(stream, self._answer, end_stream=True)
        connection.open.discard(stream)
        connection.whole.discard(stream)
        connection.served += 1

    def _flush(self, connection: Connection) -> None:
        with contextlib.suppress(OSError):
            connection.socket.sendall(connection.state.data_to_send())
