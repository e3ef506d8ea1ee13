"""A provider that speaks HTTP/2 and does with its streams what it is told.

One thread a connection; a script runs when a request is whole, and nothing is read while it runs.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.exceptions import ProtocolError
from hyperframe.frame import GoAwayFrame

from harness.certificates import Certificates
from harness.h2_listener import H2Listener

__all__ = ["H2Script", "H2Stream", "H2Upstream"]


class _ClosedError(Exception):
    """The script wants the connection closed."""


@dataclass
class H2Stream:
    """One request, and the ways to answer it."""

    request: Mapping[str, str]
    """The head of the request, names in lower case."""
    connection: int
    """Which of the upstream's connections, from 0."""
    number: int
    _state: H2Connection
    _socket: ssl.SSLSocket

    def headers(self, kind: str = "application/json", *more: tuple[str, str]) -> None:
        """Send the head of a 200."""
        self._state.send_headers(self.number, [(":status", "200"), ("content-type", kind), *more])
        self._flush()

    def data(self, data: bytes, *, end: bool = False) -> None:
        self._state.send_data(self.number, data, end_stream=end)
        self._flush()

    def answer(self, body: bytes, kind: str = "application/json") -> None:
        """Send a whole answer."""
        self.headers(kind)
        self.data(body, end=True)

    def reset(self, code: ErrorCodes) -> None:
        """RST_STREAM."""
        self._state.reset_stream(self.number, code)
        self._flush()

    def go_away(self, code: ErrorCodes = ErrorCodes.NO_ERROR, *, last: int | None = None) -> None:
        """GOAWAY: ``last`` is the last stream that was processed, this one where nobody says otherwise.

        Written by hand, for the library would end the connection with it.
        """
        frame = GoAwayFrame(last_stream_id=self.number if last is None else last, error_code=code)
        self._flush()
        self._socket.sendall(frame.serialize())

    def close(self) -> None:
        """End the connection; what the client still sends may undo what was said last."""
        raise _ClosedError

    def finish(self) -> None:
        """End the connection behind what was said, when the client has heard it and ends it too."""
        self._socket.shutdown(socket.SHUT_WR)
        while self._socket.recv(65536):
            pass
        raise _ClosedError

    def _flush(self) -> None:
        self._socket.sendall(self._state.data_to_send())


H2Script = Callable[[H2Stream], None]


class H2Upstream(H2Listener):
    """The server. ``script`` answers every request; ``queue`` holds scripts that go first, one a request."""

    def __init__(self, certificates: Certificates, script: H2Script) -> None:
        super().__init__(certificates)
        self.script = script
        self.queue: list[H2Script] = []
        self.requests: list[H2Stream] = []
        self.connections = 0
        self._lock = threading.Lock()

    def talk(self, connection: ssl.SSLSocket) -> None:
        with self._lock:
            number, self.connections = self.connections, self.connections + 1
        with contextlib.suppress(ProtocolError, _ClosedError):
            self._answer_all(connection, number)

    def _answer_all(self, connection: ssl.SSLSocket, number: int) -> None:
        state = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        state.initiate_connection()
        connection.sendall(state.data_to_send())
        heads: dict[int, Mapping[str, str]] = {}
        while data := connection.recv(65536):
            for event in state.receive_data(data):
                if isinstance(event, RequestReceived):
                    heads[event.stream_id] = dict(event.headers)
                elif isinstance(event, DataReceived):
                    state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded):
                    stream = H2Stream(heads[event.stream_id], number, event.stream_id, state, connection)
                    with self._lock:
                        self.requests.append(stream)
                        script = self.queue.pop(0) if self.queue else self.script
                    script(stream)
            connection.sendall(state.data_to_send())
