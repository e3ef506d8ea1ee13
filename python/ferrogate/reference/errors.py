"""What a request can fail with, and the body that says so.

The Rust engine keeps the same list (``rust/core``) and is the authority on it; a contract test compares the
two. A :class:`RequestError` never leaves this package: it becomes an HTTP response in the OpenAI dialect's
shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

__all__ = ["STATUS", "RequestError", "error_body", "error_type"]

STATUS: Final[dict[str, int]] = {
    "invalid_json": 400,
    "invalid_request": 400,
    "model_missing": 400,
    "body_too_large": 413,
    "headers_too_large": 431,
    "encoding_not_supported": 415,
    "gateway_key_invalid": 401,
    "host_forbidden": 403,
    "origin_forbidden": 403,
    "provider_key_missing": 401,
    "provider_not_found": 404,
    "key_not_found": 404,
    "route_not_found": 404,
    "request_timeout": 408,
    "not_supported": 501,
    "overloaded": 503,
    "draining": 503,
    "internal": 500,
    "address_refused": 502,
    "upstream_connect": 502,
    "upstream_tls": 502,
    "upstream_dns": 502,
    "upstream_timeout": 504,
    "upstream_reset": 502,
    "upstream_invalid": 502,
    "upstream_cut": 502,
    "upstream_status": 502,
    "upstream_key_refused": 502,
    "upstream_filtered": 502,
    "upstream_rejected": 502,
    "upstream_error_event": 502,
    "deadline_exceeded": 504,
    "hook_vetoed": 403,
    "hook_failed": 500,
    "client_closed": 499,
}
"""Stable identifier to HTTP status. ``upstream_status``, ``upstream_key_refused``, ``upstream_filtered`` and
``upstream_rejected`` keep the provider's own."""


_RETRY: Final = ((b"retry-after", b"1"),)
_OWN_HEADERS: Final[dict[str, tuple[tuple[bytes, bytes], ...]]] = {
    "overloaded": _RETRY,
    "draining": _RETRY,
    "gateway_key_invalid": ((b"www-authenticate", b"Bearer"),),
}


class RequestError(Exception):
    """A request that the gateway answers itself.

    Attributes:
        kind: a key of :data:`STATUS`.
        status: the HTTP status of the answer.
        message: a sentence for the caller; never holds a credential.
        param: the field or header at fault.
        headers: more response headers, ASGI style.

    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        param: str | None = None,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = STATUS[kind]
        self.message = message
        self.param = param
        self.headers = (*headers, *_OWN_HEADERS.get(kind, ()))


def error_type(status: int) -> str:
    """Return the ``type`` field of the OpenAI shape."""
    named = {401: "authentication_error", 403: "permission_error"}.get(status)
    return named or ("invalid_request_error" if 400 <= status < 500 else "gateway_error")


def error_body(kind: str, message: str, param: str | None = None) -> bytes:
    """``{"error": {message, type, code, param}}``, as JSON bytes."""
    error = {"message": message, "type": error_type(STATUS[kind]), "code": kind, "param": param}
    return orjson.dumps({"error": error})
