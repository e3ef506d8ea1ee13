"""Where the gateway listens: as a setting, as a URL, and as this machine reaches it."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from ferrogate.config.urls import is_loopback

__all__ = ["reachable", "settings_of", "url"]


def settings_of(sockets: Sequence[socket.socket]) -> dict[str, Any]:
    """Return the settings that inherited sockets decide: beyond loopback, credentials are asked for."""
    names = [(str(sock.getsockname()[0]), int(sock.getsockname()[1])) for sock in sockets]
    names.sort(key=lambda name: is_loopback(name[0]))
    return {"server.host": names[0][0], "server.port": names[0][1]} if names else {}


def reachable(host: str) -> str:
    """Return how this machine reaches a bind address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1"}.get(host, host)  # noqa: S104


def url(host: str, port: int, *, tls: bool = False) -> str:
    """Return the base URL of an address."""
    bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{'https' if tls else 'http'}://{bracketed}:{port}"
