"""HTTP/2 by hand: what each stream received, and how it and the connection ended."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import h2.config
import h2.connection
import h2.events
from h2.connection import ConnectionInputs, ConnectionState
from h2.settings import SettingCodes
from hyperframe.frame import ContinuationFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame

__all__ = ["Received", "Wire2", "header_frames"]


@dataclass
class Received:
    """What came on one stream."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    ended: bool = False
    """By END_STREAM."""
    reset: int | None = None
    """The code of RST_STREAM."""

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None


class Wire2:
    """One connection to a gateway, by prior knowledge or, with ``tls``, by ALPN.

    Args:
        port: of the gateway on 127.0.0.1.
        tls: how to trust; None for none.
        window: of each stream, for what is received.
        reads: give back what was received; without it streams come to stand still.

    """

    def __init__(
        self,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        window: int = 65_535,
        reads: bool = True,
        timeout: float = 20.0,
    ) -> None:
        self._port = port
        self._reads = reads
        self._timeout = timeout
        self._socket: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        if tls is not None:
            tls.set_alpn_protocols(["h2"])
            self._socket = tls.wrap_socket(self._socket, server_hostname="localhost")
            assert self._socket.selected_alpn_protocol() == "h2"  # type: ignore[attr-defined]
        configuration = h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False)
        self.connection = h2.connection.H2Connection(configuration)
        # The library takes GOAWAY for the end of the connection; what was begun goes on (RFC 9113, 6.8).
        machine = self.connection.state_machine
        machine._transitions = machine._transitions | {
            (ConnectionState.CLIENT_OPEN, ConnectionInputs.RECV_GOAWAY): (None, ConnectionState.CLIENT_OPEN)
        }
        self.connection.initiate_connection()
        self.connection.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.connection.increment_flow_control_window(2**30)
        self.streams: dict[int, Received] = {}
        self.goaway: int | None = None
        self.closed = False
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def flush(self) -> None:
        """Send what the library has queued; what the gateway no longer takes is no fault here."""
        try:
            self._socket.sendall(self.connection.data_to_send())
        except OSError:
            self.closed = True

    def write(self, *frames: Frame) -> None:
        """Send frames that the library would not."""
        try:
            self._socket.sendall(b"".join(frame.serialize() for frame in frames))
        except OSError:
            self.closed = True

    def fields(self, method: str, path: str, headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        pseudo = [
            (":method", method),
            (":scheme", "http"),
            (":authority", f"localhost:{self._port}"),
            (":path", path),
        ]
        named = {name for name, _ in headers}
        return [field for field in pseudo if field[0] not in named] + list(headers)

    def start(
        self, method: str, path: str, headers: Sequence[tuple[str, str]] = (), *, end: bool = False
    ) -> int:
        """Begin a request; return its stream."""
        stream = self.connection.get_next_available_stream_id()
        fields = sorted(self.fields(method, path, headers), key=lambda item: not item[0].startswith(":"))
        self.connection.send_headers(stream, fields, end_stream=end)
        self.streams[stream] = Received()
        self.flush()
        return stream

    def post(self, path: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> int:
        """Send a JSON request of up to a frame's size; return its stream."""
        stream = self.start("POST", path, [("content-type", "application/json"), *headers])
        self.connection.send_data(stream, body, end_stream=True)
        self.flush()
        return stream

    def reset(self, stream: int) -> None:
        self.connection.reset_stream(stream, 8)
        self.flush()

    def read(self) -> bool:
        """Take what comes next; False at the connection's end."""
        try:
            data = self._socket.recv(65_536)
        except (ConnectionResetError, ssl.SSLError):
            data = b""
        if not data:
            self.closed = True
            return False
        for event in self.connection.receive_data(data):
            self._note(event)
        self.flush()
        return True

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Read until it is so."""
        end = time.monotonic() + self._timeout
        while not done():
            if not self.read():
                assert done(), f"the connection ended before {what}"
                return
            assert time.monotonic() < end, f"{what} did not come"

    def answer(self, stream: int) -> Received:
        """Read a stream to its end."""
        received = self.streams[stream]
        self.until(lambda: received.over, f"the end of stream {stream}")
        return received

    def beat(self) -> bool:
        """Wait for the answer to a PING; False at the connection's end. Reads past the library."""
        self.write(PingFrame(0, b"12345678"))
        data = b""
        while not self.closed:
            try:
                received = self._socket.recv(65_536)
            except ConnectionResetError:
                received = b""
            data, self.closed = data + received, not received
            while len(data) >= 9 and len(data) >= 9 + (size := int.from_bytes(data[:3], "big")):
                kind, flags, payload, data = data[3], data[4], data[9 : 9 + size], data[9 + size :]
                if kind == GoAwayFrame.type:
                    self.goaway = int.from_bytes(payload[4:8], "big")
                elif kind == PingFrame.type and flags & 1:
                    return True
        return False

    def ends(self) -> bool:
        """Whether the gateway closes the connection; what comes before is read."""
        try:
            while self.read():
                pass
        except TimeoutError:
            return False
        return True

    def _note(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = int(event.error_code or 0)
        stream = self.streams.get(getattr(event, "stream_id", 0) or 0)
        if stream is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            stream.headers = {str(name): str(value) for name, value in event.headers or ()}
            stream.status = int(stream.headers[":status"])
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data or b""
            if self._reads and event.flow_controlled_length and event.stream_id is not None:
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = [(str(name), str(value)) for name, value in event.headers or ()]
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = int(event.error_code or 0)


def header_frames(wire: Wire2, block: bytes, stream: int, pieces: int, *, end: bool) -> list[Frame]:
    """Headers in a HEADERS frame and CONTINUATION frames; without ``end`` they are never whole."""
    size = -(-len(block) // pieces)
    parts = [block[at : at + size] for at in range(0, len(block), size)]
    head = HeadersFrame(stream, data=parts[0], flags=["END_STREAM"])
    frames: list[Frame] = [head, *(ContinuationFrame(stream, data=part) for part in parts[1:])]
    if end:
        frames[-1].flags.add("END_HEADERS")
    wire.streams[stream] = Received()
    return frames
