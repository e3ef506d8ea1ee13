"""Identifiers of stored rows: a word that says what it is, and a ULID, so that they sort by age."""

from __future__ import annotations

import secrets
import time

__all__ = ["new_id", "now_ms"]

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def new_id(prefix: str) -> str:
    """``prefix_`` and 26 characters: 48 bits of time, 80 of randomness."""
    number = (now_ms() << 80) | secrets.randbits(80)
    return f"{prefix}_" + "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
