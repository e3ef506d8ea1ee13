"""Who calls: gateway keys where they are required, Host and Origin where they are not.

Without credentials the browser of somebody on the same machine is the attacker: a page can rebind its name to
127.0.0.1 or post across origins, so both headers are checked (DESIGN 9).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ferrogate.engine.snapshot import Auth
from ferrogate.reference.errors import RequestError

__all__ = ["CREDENTIAL_HEADERS", "Principal", "identify"]

CREDENTIAL_HEADERS: Final = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
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


def _credentials(headers: Mapping[str, str]) -> Iterator[str]:
    for name in CREDENTIAL_HEADERS:
        value = headers.get(name)
        if value:
            scheme, _, rest = value.partition(" ")
            yield rest.strip() if name == "authorization" and scheme.lower() == "bearer" else value.strip()


def _by_key(auth: Auth, headers: Mapping[str, str]) -> Principal:
    hint = ""
    for secret in _credentials(headers):
        digest = hashlib.sha256(secret.encode()).hexdigest()
        for key in auth.gateway_keys:
            if hmac.compare_digest(digest, key.sha256):
                return Principal(key.tenant, key.id)
        if secret.startswith(_PROVIDER_KEYS):
            hint = " The value looks like a provider's key; the gateway holds those itself."
    message = "A gateway key is needed, as Authorization: Bearer or x-api-key."
    raise RequestError("gateway_key_invalid", message + (hint or _MAKE_ONE))


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.rpartition(":")[0] if ":" in host else host


def _check_host(auth: Auth, host: str) -> None:
    name = _without_port(host).lower()
    if name in _LOOPBACK or name in auth.allowed_hosts or "*" in auth.allowed_hosts:
        return
    raise RequestError(
        "host_forbidden", f"Host {name!r} is not served without credentials; add it to server.allowed_hosts."
    )


def _check_origin(auth: Auth, origin: str | None, host: str) -> None:
    if origin is None or "*" in auth.allowed_origins or origin.lower() in auth.allowed_origins:
        return
    if host and origin.lower().partition("://")[2] == host.lower():
        return
    raise RequestError(
        "origin_forbidden", f"Origin {origin!r} may not call the gateway; add it to server.allowed_origins."
    )
