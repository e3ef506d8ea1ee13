"""Who calls: gateway keys where they are required, Host and Origin where they are not.

Without credentials the browser of somebody on the same machine is the attacker: a page can rebind its name to
127.0.0.1 or post across origins, so both headers are checked (DESIGN 9).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ferrogate.engine.snapshot import Auth
from ferrogate.reference.errors import RequestError

__all__ = ["CREDENTIAL_HEADERS", "Principal", "identify"]

CREDENTIAL_HEADERS: Final = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
_HOST: Final = re.compile(r"(\[[^\]]*\]|[^:\[\]]+)(:[0-9]*)?", re.ASCII)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_MAKE_ONE: Final = " Make one with: gateway gateway-keys add NAME."
_PROVIDER_KEYS: Final = ("sk-", "gsk_", "AIza", "xai-", "hf_", "nvapi-")


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: a gateway key and its tenant."""

    tenant: str
    gateway_key: str


LOCAL: Final = Principal("local", "")


def identify(auth: Auth, headers: Mapping[str, str]) -> Principal:
    """Name the caller or refuse it.

    ``*`` among the allowed hosts and origins allows every one: inside somebody's own application the checks
    are the owner's.

    Raises:
        RequestError: ``gateway_key_invalid``, ``host_forbidden`` or ``origin_forbidden``.

    """
    if auth.required:
        return _by_key(auth, headers)
    host = headers.get("host", "")
    _check_host(auth, host)
    _check_origin(auth, headers.get("origin"), host)
    return LOCAL


def _credential(headers: Mapping[str, str]) -> str:
    """Return what the client presents: the first header that is there decides."""
    for name in CREDENTIAL_HEADERS:
        value = headers.get(name)
        if value is None:
            continue
        if name != "authorization":
            return value.strip()
        scheme, space, rest = value.partition(" ")
        if space and scheme.lower() == "bearer":  # another scheme is somebody else's: a proxy's in front, say
            return rest.strip()
    return ""


def _by_key(auth: Auth, headers: Mapping[str, str]) -> Principal:
    secret = _credential(headers)
    digest = hashlib.sha256(secret.encode("latin-1")).hexdigest()
    for key in auth.gateway_keys if secret else ():
        if hmac.compare_digest(digest, key.sha256):
            return Principal(key.tenant, key.id)
    hint = _MAKE_ONE
    if secret.startswith(_PROVIDER_KEYS):
        hint = " The value looks like a provider's key; the gateway holds those itself."
    message = "A gateway key is needed, as Authorization: Bearer or x-api-key."
    raise RequestError("gateway_key_invalid", message + hint)


def _without_port(host: str) -> str:
    """Return the name; empty where what stands behind it is no port, for then it may begin another name."""
    match = _HOST.fullmatch(host.lower())
    return match[1] if match else ""


def _check_host(auth: Auth, host: str) -> None:
    name = _without_port(host)
    if name in _LOOPBACK or name in auth.allowed_hosts or "*" in auth.allowed_hosts:
        return
    raise RequestError(
        "host_forbidden", f"Host {name!r} is not served without credentials; add it to server.allowed_hosts."
    )


def _check_origin(auth: Auth, origin: str | None, host: str) -> None:
    if origin is None or "*" in auth.allowed_origins or origin.lower() in auth.allowed_origins:
        return
    if host and origin.lower() in (f"http://{host}".lower(), f"https://{host}".lower()):
        return
    raise RequestError(
        "origin_forbidden", f"Origin {origin!r} may not call the gateway; add it to server.allowed_origins."
    )
