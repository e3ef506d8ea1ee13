"""What a request's head must be: two readers of one head must not see two requests.

The compiled engine has the same rules (``rust/net/src/request/framing.rs``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ferrogate.reference.errors import RequestError

__all__ = ["check_head"]

_CLOSE: Final = ((b"connection", b"close"),)


def check_head(headers: Iterable[tuple[bytes, bytes]], http_version: str) -> None:
    """Check what the HTTP parser lets pass.

    Raises:
        RequestError: ``invalid_request``; the connection closes, for where the request ends is in doubt.

    """
    hosts, codings = [], []
    for name, value in headers:
        if name == b"host":
            hosts.append(value)
        elif name == b"transfer-encoding":
            codings.append(value.strip().lower())
    if codings and codings != [b"chunked"]:
        raise _refuse("Transfer-Encoding must be chunked, and nothing else.")
    if len(hosts) > 1:
        raise _refuse("The header Host stands more than once.")
    if not hosts and http_version == "1.1":
        raise _refuse("The header Host is missing.")


def _refuse(message: str) -> RequestError:
    return RequestError("invalid_request", message, headers=_CLOSE)
