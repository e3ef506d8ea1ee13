"""A provider that speaks HTTP/2 and takes only so many requests on a connection at one time."""

from __future__ import annotations

import contextlib
import ssl
import threading
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
from h2.settings import SettingCodes

from harness.certificates import Certificates
from harness.h2_listener import H2Listener

__all__ = ["LimitedH2Upstream"]


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


class LimitedH2Upstream(H2Listener):
    """The server: it answers every request with the same JSON, at once or, while it holds, when released."""

    def __init__(self, certificates: Certificates, answer: bytes, *, streams: int) -> None:
        super().__init__(certificates)
        self._answer = answer
        self._streams = streams
        self._lock = threading.Lock()
        self.connections: list[Connection] = []
        self._holding = False

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

    def talk(self, connection: ssl.SSLSocket) -> None:
        configuration = h2.config.H2Configuration(client_side=False)
        opened = Connection(connection, h2.connection.H2Connection(configuration))
        opened.state.local_settings.update({SettingCodes.MAX_CONCURRENT_STREAMS: self._streams})
        opened.state.local_settings.acknowledge()
        opened.state.initiate_connection()
        with self._lock:
            self.connections.append(opened)
            self._flush(opened)
        while data := connection.recv(65_536):
            with self._lock:
                for event in opened.state.receive_data(data):
                    self._note(opened, event)
                self._flush(opened)

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
