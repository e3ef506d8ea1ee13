"""CORS headers, for the origins of ``server.allowed_origins`` and no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ferrogate.engine.snapshot import Auth

__all__ = ["allowed_origin", "cors_headers", "is_preflight", "preflight_headers"]

Headers = list[tuple[bytes, bytes]]

_METHODS: Final = b"GET, POST, PUT, PATCH, DELETE"


def allowed_origin(auth: Auth, headers: Mapping[str, str]) -> str | None:
    """Return the request's origin where the configuration lists it."""
    origin = headers.get("origin")
    return origin if origin is not None and origin.lower() in auth.allowed_origins else None


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks what it may send."""
    return method == "OPTIONS" and "access-control-request-method" in headers


def preflight_headers(headers: Mapping[str, str]) -> Headers:
    """Return the answer to a preflight, beside :func:`cors_headers`."""
    asked = headers.get("access-control-request-headers", "authorization, content-type")
    return [
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", asked.encode("latin-1")),
        (b"access-control-max-age", b"600"),
    ]


def cors_headers(origin: str | None) -> Headers:
    """Return what lets a page of that origin read the answer."""
    if origin is None:
        return []
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", b"*"),
        (b"vary", b"origin"),
    ]
