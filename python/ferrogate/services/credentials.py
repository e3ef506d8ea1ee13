"""The gateway's own credentials: who is admin, and what the first start makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ferrogate.errors import ConfigError
from ferrogate.services.admin_token import ADMIN_TOKEN_VARIABLE, AdminToken
from ferrogate.services.gateway_keys import GatewayKeysService
from ferrogate.store import Store
from ferrogate.store.settings import INTERNAL

__all__ = ["CredentialsService", "FirstSecrets"]

_KEY_MADE = f"{INTERNAL}first_gateway_key_made"
GATEWAY_KEY_VARIABLE = "GATEWAY_KEY"
_FIRST_KEY_NAME = "default"


@dataclass(frozen=True, slots=True)
class FirstSecrets:
    """What the first start made, to be printed once. None where nothing was made."""

    admin_token: str | None = field(default=None, repr=False)
    gateway_key: str | None = field(default=None, repr=False)


class CredentialsService:
    """The admin token, and the secrets of the first start.

    Raises:
        ConfigError: the environment gives clients and the admin the same secret.

    """

    def __init__(self, store: Store, gateway_keys: GatewayKeysService, environ: Mapping[str, str]) -> None:
        self._store = store
        self._gateway_keys = gateway_keys
        self._token = AdminToken(store, environ)
        if (client := environ.get(GATEWAY_KEY_VARIABLE, "").strip()) and self._token.is_given(client):
            raise ConfigError(
                f"{ADMIN_TOKEN_VARIABLE} and {GATEWAY_KEY_VARIABLE} hold the same text: every client would be"
                " admin; give them different ones"
            )

    def ensure(self) -> FirstSecrets:
        """Make what a gateway that asks for credentials needs and does not have. Later calls make nothing.

        A gateway key is made once in the life of a data folder: who deletes the last one wants none.
        """
        token = None if self._token.is_set else self._token.reset()
        return FirstSecrets(token, self._first_gateway_key())

    def is_admin(self, presented: str) -> bool:
        """Whether this is the admin token."""
        return self._token.opens(presented)

    def reset_admin_token(self) -> str:
        """Make a new admin token; the old one stops working. Raises ConflictError."""
        return self._token.reset()

    def _first_gateway_key(self) -> str | None:
        with self._store.database.read() as connection:
            was_made = self._store.settings.get(connection, _KEY_MADE)
        if was_made:
            return None
        secret = None if self._gateway_keys.list() else self._gateway_keys.create(_FIRST_KEY_NAME).secret
        with self._store.database.write() as connection:
            self._store.settings.put(connection, _KEY_MADE, True)
        return secret
