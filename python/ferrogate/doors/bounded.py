"""HTTP/1.1 as uvicorn reads it, with a bound on heads, and errors in the shape of every other one.

uvicorn takes heads of any size, answers what it cannot read in plain text, even in the middle of another
request's answer, takes trailers for headers, and leaves the host of a target in absolute form unread. The
native listener does none of that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ferrogate.doors.encoded import EncodedProtocol

__all__ = ["BoundedProtocol"]

_BODY = '{"error":{"message":"%s","type":"invalid_request_error","code":"%s","param":null}}'


class BoundedProtocol(EncodedProtocol):
    """uvicorn's protocol under a bound on a request's head.

    Args:
        headers_bytes: gives the bound in force: bytes of the target and of all header lines.

    """

    def __init__(self, *args: Any, headers_bytes: Callable[[], int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._headers_bytes = headers_bytes
        self._heads = 0
        self._in_head = False
        self._is_over = False
        self._deaf = False
        self._unparsed = 0
        self._counted = 0

    def data_received(self, data: bytes) -> None:
        """Parse; what follows on an answered fault is not heard."""
        if self._deaf:
            return
        head = self._heads
        super().data_received(data)
        # The parser keeps a line until it is whole, so what comes in the middle of a head counts at once.
        if self._in_head and self._heads == head and not self._deaf:
            self._unparsed += len(data)
            if self._unparsed > self._headers_bytes():
                self._is_over = True
                self._refuse_head()

    def on_message_begin(self) -> None:
        """Count from here."""
        self._heads += 1
        self._in_head, self._unparsed, self._counted = True, 0, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count the target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header line; a trailer is no header and goes no further (RFC 9110, 6.5)."""
        self._count(len(name) + len(value) + 4)
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Take the host from a target in absolute form: it says more than the header (RFC 9112, 3.2.2)."""
        self._in_head = False
        if b"://" in self.url and not self.url.startswith(b"/"):
            authority = self.url.partition(b"://")[2].partition(b"/")[0].partition(b"?")[0]
            self.headers[:] = [header for header in self.headers if header[0] != b"host"]
            self.headers.append((b"host", authority))
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words for it
        """Refuse what is no HTTP."""
        if self._is_over:
            self._refuse_head()
        else:
            self._refuse(400, "The request is not valid HTTP.", "invalid_request")

    def _count(self, length: int) -> None:
        self._counted += length
        if self._counted > self._headers_bytes():
            self._is_over = True
            raise ValueError("the headers are over their bound")  # the parser ends with an error of its own

    def _refuse_head(self) -> None:
        self._refuse(431, "The headers are too many or too large.", "headers_too_large")

    def _refuse(self, status: int, message: str, code: str) -> None:
        """Answer, close, and hear no more; whoever asked before on this connection is answered first."""
        self._deaf = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:
                cycle.keep_alive = False
                return
            if cycle.response_started or self.pipeline:
                self.transport.close()
                return
        body = (_BODY % (message, code)).encode()
        parts = [STATUS_LINE[status]]
        parts += [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
        parts.append(b"content-type: application/json\r\ncache-control: no-store\r\nconnection: close\r\n")
        parts.append(b"content-length: %d\r\n\r\n" % len(body))
        self.transport.write(b"".join([*parts, body]))
        self.transport.close()
