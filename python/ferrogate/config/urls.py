"""What the configuration accepts as a base URL, a host name and an origin.

Each function returns the normal form or raises ValueError with a sentence that says what to write. None
quotes the text it was given, because a URL can hold a password.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from ferrogate.config.addresses import is_refused, literal

__all__ = ["base_url", "bind_address", "host_name", "is_loopback", "origin"]

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|\[?::1\]?", re.ASCII | re.IGNORECASE)

_LONGEST_NAME = 255


def is_loopback(host: str) -> bool:
    """Whether a bind address or a URL's host is this machine and nothing else."""
    return _LOOPBACK.fullmatch(host) is not None


def _split(text: str, example: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(f"is not a URL; write it like {example}") from None
    host = parts.netloc.rpartition("@")[2]
    if host and parts.port is not None:
        host = host.rpartition(":")[0]
    if (
        parts.scheme not in ("http", "https")
        or not _HOST.fullmatch(host.removesuffix(":"))
        or not port_is_valid
    ):
        raise ValueError(f"is not an http or https URL; write it like {example}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a credential before the @; put it under keys or headers, where it is masked")
    return parts


def base_url(text: str) -> str:
    """Check a provider's base URL and return it without a trailing slash."""
    if any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError("contains a space; remove it")
    parts = _split(text, "https://api.example.com/v1")
    address = literal(parts.hostname or "")
    if address is not None and is_refused(address):
        raise ValueError(
            "is a link-local or metadata address, where clouds keep machine credentials; it is never called"
        )
    if parts.query or parts.fragment:
        raise ValueError("ends in a query or a fragment; put parameters under query")
    if parts.path.rstrip("/").endswith(("/chat/completions", "/embeddings", "/responses")):
        raise ValueError("names one operation; write the part before it, usually up to /v1")
    return text.rstrip("/")


def bind_address(text: str) -> str:
    """Return an address to bind without the brackets that IPv6 has in URLs."""
    return text[1:-1] if text.startswith("[") and text.endswith("]") and ":" in text else text


def host_name(text: str) -> str:
    """Check a host without scheme and port; return it in lower case."""
    name = text.strip().lower()
    bare = name if name.startswith("[") or ":" not in name else f"[{name}]"
    if not _HOST.fullmatch(bare) or len(bare) > _LONGEST_NAME:
        raise ValueError(
            "is not a host name; write it without scheme, port and path, like gateway.example.com"
        )
    return bare


def origin(text: str) -> str:
    """Check a web origin, ``scheme://host[:port]``; return it in lower case."""
    parts = _split(text.strip().lower(), "https://app.example.com")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(
            "is more than an origin; write only scheme, host and port, like https://app.example.com"
        )
    return f"{parts.scheme}://{parts.netloc}"
