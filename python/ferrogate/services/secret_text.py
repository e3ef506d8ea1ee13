"""The secrets that the gateway makes itself, and how one is compared.

The prefix says what a secret opens (``fgk_`` inference, ``fga_`` the admin API), so that one in a log or a
repository is recognised. Behind it are 256 random bits, which is why a plain SHA-256 is enough to store.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

__all__ = ["ADMIN_PREFIX", "GATEWAY_KEY_PREFIX", "digest", "new_secret", "opens"]

ADMIN_PREFIX = "fga_"
GATEWAY_KEY_PREFIX = "fgk_"


def new_secret(prefix: str) -> str:
    """Return a prefix and 32 random bytes, safe in a URL."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return the SHA-256, in hex."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


def opens(presented: str, sha256: str) -> bool:
    """Whether a presented secret has this digest, in constant time."""
    return hmac.compare_digest(digest(presented), sha256)
