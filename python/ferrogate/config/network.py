"""``network``: how providers are reached, and what a provider's section says of it.

All of it stands in the file alone: it decides where keys travel to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from ferrogate.config.addresses import is_refused, literal
from ferrogate.config.authorities import Authorities, Identity, read_authorities, read_identity
from ferrogate.config.base import Section, listed
from ferrogate.config.proxies import OFF, parse_proxy
from ferrogate.config.quantities import Milliseconds
from ferrogate.config.secrets import Secret, resolve
from ferrogate.errors import SecretError

__all__ = ["Addresses", "Network", "ProviderTls", "ProxyText"]


def _proxy(value: object, info: ValidationInfo) -> Secret:
    if isinstance(value, Secret):
        return value
    if value is False:  # YAML reads a bare `off` as false
        return Secret(OFF)
    if not isinstance(value, str):
        raise ValueError("must be text: a URL such as http://proxy.example:3128, or off")
    context = info.context or {}
    try:
        secret = resolve(value, context.get("environ", {}), context.get("folder", Path()))
    except SecretError as error:
        raise ValueError(str(error)) from None
    if secret.value != OFF:
        parse_proxy(secret.value)
    return secret


def _address(text: str) -> str:
    address = literal(text)
    if address is None:
        raise ValueError("is no IP address")
    if is_refused(address):
        raise ValueError(
            "is a link-local or metadata address, where clouds keep machine credentials; it is never called"
        )
    return str(address)


def _authorities(value: object, info: ValidationInfo) -> Authorities:
    if isinstance(value, Authorities):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("must be the path of a file")
    return read_authorities(value, (info.context or {}).get("folder", Path()))


_PROXY_SCHEMA = {
    "type": "string",
    "description": "http, https, socks5 or socks5h URL, env.NAME or file:PATH that holds one, or off",
}
ProxyText = Annotated[Secret, BeforeValidator(_proxy), WithJsonSchema(_PROXY_SCHEMA)]
Addresses = Annotated[
    tuple[Annotated[str, AfterValidator(_address)], ...], BeforeValidator(listed), Field(max_length=16)
]
AuthoritiesFile = Annotated[Authorities, BeforeValidator(_authorities), WithJsonSchema({"type": "string"})]


class Network(Section):
    """How all providers are reached, where they say nothing of their own."""

    proxy: ProxyText | None = Field(
        default=None, repr=False, description="default: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY; off for none"
    )
    no_proxy: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(
        default=(), description="hosts, .suffixes, addresses and networks reached without, beside NO_PROXY"
    )
    hosts: dict[str, Addresses] = Field(
        default={}, description="addresses by host name, in the place of what the resolver says"
    )
    dns_ttl_ms: Milliseconds = Field(
        default=30_000, alias="dns_ttl", description="how long an answer of the resolver holds"
    )


class ProviderTls(Section):
    """How a provider is trusted, and what is shown to it."""

    ca: AuthoritiesFile | None = Field(
        default=None,
        description="file of authorities (PEM) that are trusted for it instead of the system's",
    )
    cert: str | None = Field(default=None, description="file of a client certificate (PEM) and its chain")
    key: str | None = Field(default=None, description="file of its private key (PEM)")
    server_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="name in its certificate, where it is not the host",
    )
    min_version: Literal["1.2", "1.3"] = Field(default="1.2", description="the oldest TLS that is spoken")
    _identity: Identity | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _read_identity(self, info: ValidationInfo) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("needs both cert and key, two files in PEM")
        if self.cert is not None and self.key is not None:
            self._identity = read_identity(self.cert, self.key, (info.context or {}).get("folder", Path()))
        return self

    @property
    def identity(self) -> Identity | None:
        """The client certificate, where one is given."""
        return self._identity
