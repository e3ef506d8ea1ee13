"""The admin token. Only its hash is kept.

It is read on every check, so that ``gateway token reset`` in another process takes effect at once; admin
calls are rare.
"""

from __future__ import annotations

from collections.abc import Mapping

from ferrogate.errors import ConflictError
from ferrogate.services.secret_text import ADMIN_PREFIX, digest, new_secret, opens
from ferrogate.store import Store
from ferrogate.store.settings import INTERNAL

__all__ = ["ADMIN_TOKEN_VARIABLE", "AdminToken"]

ADMIN_TOKEN_VARIABLE = "GATEWAY_ADMIN_TOKEN"  # noqa: S105 (a name, not a secret)
_HASH = f"{INTERNAL}admin_token_sha256"


class AdminToken:
    """Checks, makes and replaces the admin token of one data folder."""

    def __init__(self, store: Store, environ: Mapping[str, str]) -> None:
        self._store = store
        self._environ = environ

    @property
    def is_set(self) -> bool:
        """Whether there is one, from the environment or stored."""
        return bool(self._given()) or self._stored_hash() is not None

    def opens(self, presented: str) -> bool:
        """Whether this is the token. GATEWAY_ADMIN_TOKEN, where set, is the only one."""
        if given := self._given():
            return opens(presented, digest(given))
        stored = self._stored_hash()
        return stored is not None and opens(presented, stored)

    def is_given(self, presented: str) -> bool:
        """Whether this is the token of the environment."""
        given = self._given()
        return bool(given) and opens(presented, digest(given))

    def reset(self) -> str:
        """Make a new token and return it; the old one stops working.

        Raises:
            ConflictError: GATEWAY_ADMIN_TOKEN is set, and would win.

        """
        if self._given():
            raise ConflictError(
                f"the admin token comes from {ADMIN_TOKEN_VARIABLE}: change it there, or unset it"
            )
        token = new_secret(ADMIN_PREFIX)
        with self._store.database.write() as connection:
            self._store.settings.put(connection, _HASH, digest(token))
        return token

    def _given(self) -> str:
        return self._environ.get(ADMIN_TOKEN_VARIABLE, "").strip()

    def _stored_hash(self) -> str | None:
        with self._store.database.read() as connection:
            found: str | None = self._store.settings.get(connection, _HASH)
        return found
