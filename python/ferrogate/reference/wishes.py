"""What a client asks of the gateway itself, by ``x-gateway-*`` headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ferrogate.reference.errors import RequestError

__all__ = ["Wishes", "read_wishes"]

_LIMIT: Final = 512
_HINTS: Final = {
    "x-gateway-timeout-ms": "a whole number of milliseconds above 0",
    "x-gateway-strict": "true or false",
    "x-gateway-tags": "name=value pairs, separated by commas",
}


@dataclass(frozen=True, slots=True)
class Wishes:
    """The headers, read.

    ``timeout_ms`` covers the whole request: all attempts, and a stream to its end. ``strict`` refuses what a
    provider could not be told all of.
    """

    provider: str | None = None
    key: str | None = None
    fallbacks: tuple[str, ...] = ()
    timeout_ms: int | None = None
    strict: bool = False
    client_request_id: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


def read_wishes(headers: Mapping[str, str]) -> Wishes:
    """Read the headers.

    Raises:
        RequestError: ``invalid_request``, naming the header.

    """
    names = ("provider", "key", "fallbacks", "timeout-ms", "tags", "strict")
    given = {name: _text(headers, f"x-gateway-{name}") for name in names}
    timeout = given["timeout-ms"]
    if timeout and (not timeout.isdecimal() or int(timeout) == 0):
        raise _refuse("x-gateway-timeout-ms")
    if given["strict"] not in ("", "true", "false"):
        raise _refuse("x-gateway-strict")
    return Wishes(
        provider=given["provider"] or None,
        key=given["key"] or None,
        fallbacks=tuple(filter(None, map(str.strip, given["fallbacks"].split(",")))),
        timeout_ms=int(timeout) if timeout else None,
        strict=given["strict"] == "true",
        client_request_id=_text(headers, "x-request-id") or None,
        tags=_tags(given["tags"]),
    )


def _text(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "").strip()
    if len(value) > _LIMIT or not (value.isascii() and value.isprintable()):
        raise _refuse(name)
    return value


def _tags(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in map(str.strip, text.split(",")) if pair]
    if not all(equals for _, equals, _ in pairs):
        raise _refuse("x-gateway-tags")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _refuse(name: str) -> RequestError:
    hint = _HINTS.get(name, "printable ASCII of at most 512 characters")
    return RequestError("invalid_request", f"The header {name} must hold {hint}.", param=name)
