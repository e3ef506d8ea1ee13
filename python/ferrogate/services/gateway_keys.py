"""Client credentials of the gateway. The secret is shown once, when it is made."""

from __future__ import annotations

from dataclasses import dataclass, field

from ferrogate.config.models import check_key_name
from ferrogate.config.secrets import mask
from ferrogate.errors import ConfigError, ConflictError
from ferrogate.services.configuration import ConfigurationService
from ferrogate.services.secret_text import GATEWAY_KEY_PREFIX, digest, new_secret
from ferrogate.store import Store

__all__ = ["GatewayKeyView", "GatewayKeysService", "NewGatewayKey"]

_ENVIRONMENT = "env:"


@dataclass(frozen=True, slots=True)
class GatewayKeyView:
    """One credential as it may be shown. ``created_ms`` is None for the one of the environment."""

    id: str
    name: str
    tenant: str
    masked: str
    source: str
    created_ms: int | None


@dataclass(frozen=True, slots=True)
class NewGatewayKey:
    """A fresh credential with its secret."""

    view: GatewayKeyView
    secret: str = field(repr=False)


class GatewayKeysService:
    """Create, list and delete client credentials."""

    def __init__(self, store: Store, configuration: ConfigurationService) -> None:
        self._store = store
        self._configuration = configuration

    def list(self) -> list[GatewayKeyView]:
        """Return the environment's key first, then the stored ones by age."""
        views = [
            GatewayKeyView(key.id, key.name, key.tenant, "", "env", None)
            for key in self._configuration.effective.gateway_keys
            if key.id.startswith(_ENVIRONMENT)
        ]
        with self._store.database.read() as connection:
            for row in self._store.gateway_keys.list(connection):
                views.append(
                    GatewayKeyView(row.id, row.name, row.tenant, row.masked, "store", row.created_ms)
                )
        return views

    def create(self, name: str, tenant: str | None = None) -> NewGatewayKey:
        """Make a credential and publish it.

        Raises:
            ConfigError: an impossible name.
            ConflictError: the name is taken.

        """
        for label, text in (("name", name), ("tenant", tenant)):
            if text is not None:
                try:
                    check_key_name(text)
                except ValueError as error:
                    raise ConfigError(f"{label} {text!r} {error}") from None
        secret = new_secret(GATEWAY_KEY_PREFIX)
        with self._configuration.change() as connection:
            row = self._store.gateway_keys.add(
                connection, name=name, tenant=tenant, sha256=digest(secret), masked=mask(secret)
            )
        view = GatewayKeyView(row.id, row.name, row.tenant, row.masked, "store", row.created_ms)
        return NewGatewayKey(view, secret)

    def delete(self, key_id: str) -> None:
        """Delete a stored credential and publish. Raises NotFoundError or ConflictError."""
        if key_id.startswith(_ENVIRONMENT):
            raise ConflictError("this gateway key comes from the environment (GATEWAY_KEY): change it there")
        with self._configuration.change() as connection:
            self._store.gateway_keys.remove(connection, key_id)
