"""What configuration says, whoever said it: keys, providers, aliases, client credentials.

The file, the environment and the store all speak in these types; :func:`ferrogate.engine.effective.merge`
makes one configuration of them. Secrets are kept out of ``repr``, so that a traceback or a log line never
holds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from pydantic import ValidationError

from ferrogate.config.authorities import Authorities, Identity
from ferrogate.config.base import Section, written_name
from ferrogate.config.cache import AliasCache
from ferrogate.config.hooks import HookSection
from ferrogate.config.proxies import Proxy
from ferrogate.config.secrets import mask, mask_named

__all__ = [
    "AliasEntry",
    "AliasOptions",
    "GatewayKeyEntry",
    "KeySource",
    "ProviderEntry",
    "ProviderKey",
    "ReachEntry",
    "Source",
    "Stored",
    "TargetEntry",
]

KeySource = Literal["file", "env", "store"]
Source = Literal["flag", "env", "file", "store", "builtin"]


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """One provider key.

    Attributes:
        id: stable across restarts, because lane state hangs on it: ``file:PROVIDER/NAME``,
            ``env:PROVIDER/NAME``, or the store's ``key_<ulid>``.
        value: the secret in the clear; empty for a provider that asks for none.
        weight: its share of the traffic beside the provider's other keys; 0 keeps it out of the draw.
        models: names this key may serve: ``*`` for all, a trailing ``*`` is a prefix.
        source: who said it. Only ``store`` keys can be changed through the API.
        origin: the place in words (``gateway.yaml:4:7``, ``OPENAI_API_KEY``), for the 409 that names it.

    """

    id: str
    provider: str
    name: str
    value: str = field(repr=False)
    weight: float = 1.0
    models: tuple[str, ...] = ("*",)
    enabled: bool = True
    source: KeySource = "store"
    origin: str = ""

    @property
    def masked(self) -> str:
        """The value as it may be shown."""
        return mask(self.value)


@dataclass(frozen=True, slots=True)
class ReachEntry:
    """How connections to a provider are made; see :class:`ferrogate.config.network.Network`."""

    proxy: Proxy | None = None
    addresses: tuple[str, ...] = ()
    dns_ttl_ms: int = 30_000
    connections_per_second: float | None = None
    warm: int = 0


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """One provider as somebody declared it, or as it ships.

    Attributes:
        name: the word before the ``/`` in ``provider/model``.
        kind: the provider spec that it follows (``openai``, ``azure``, ``openai-compatible``, ...).
        base_url: overrides the spec's; None keeps it.
        query: added to every URL, beside the spec's own.
        headers: sent with every request, beside the spec's own. Values may be secrets.
        timeouts: overrides in milliseconds under the names of :class:`ferrogate.engine.snapshot.Timeouts`.
        authorities: certificates in PEM that are trusted for it, instead of the system's.
        identity: the client certificate that is shown to it.
        server_name: the name in its certificate, where it is not the host.
        newest_tls: TLS 1.3 alone.
        reach: how connections to it are made.
        options: settings that only this kind has, such as azure's ``api_version``.
        secrets: names of the headers and parameters whose values were read from a secret reference.
        configured: False for a provider that ships and that nobody gave a key or an entry.

    """

    name: str
    kind: str
    base_url: str | None = None
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeouts: Mapping[str, int] = field(default_factory=dict)
    http2: Literal["auto", "off"] | None = None
    authorities: Authorities | None = None
    identity: Identity | None = None
    server_name: str | None = None
    newest_tls: bool = False
    reach: ReachEntry = ReachEntry()
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    source: Source = "store"
    origin: str = ""
    configured: bool = True

    def as_configured(self) -> ProviderEntry:
        """Return the same, given a key or an entry by somebody."""
        return self if self.configured else replace(self, configured=True)

    @property
    def masked_headers(self) -> dict[str, str]:
        """The headers as they may be shown."""
        return self._masked(self.headers)

    @property
    def masked_query(self) -> dict[str, str]:
        """The query as it may be shown."""
        return self._masked(self.query)

    def _masked(self, values: Mapping[str, str]) -> dict[str, str]:
        return {
            name: mask(value) if name in self.secrets else mask_named(name, value)
            for name, value in values.items()
        }


@dataclass(frozen=True, slots=True)
class TargetEntry:
    """Where an alias leads. A weight puts it in the drawn tier; without one it keeps its place in line."""

    provider: str
    model: str
    weight: float | None = None

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class AliasOptions:
    """What an alias says beside its targets; None leaves it to the top level.

    Attributes:
        payloads: keep bodies (``log``).
        hedge_enabled: ask a second lane where the first is late.
        hedge_budget: part of the requests that may be asked twice, from 0 to 1.
        affinity: one conversation stays on one lane while that does well.
        cache: what is kept of answers, and for how long.

    """

    payloads: bool | None = None
    hedge_enabled: bool | None = None
    hedge_budget: float | None = None
    affinity: bool | None = None
    cache: AliasCache = field(default_factory=AliasCache)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> AliasOptions:
        """Read what the store holds; what a later version said beside it is left out."""
        plain: dict[str, Any] = {option.name: stored.get(option.name) for option in fields(cls)}
        return cls(**plain | {"cache": _read_cache(plain["cache"])})

    def said(self) -> dict[str, Any]:
        """Return what is not left to the top level, as the store holds it."""
        plain = {option.name: getattr(self, option.name) for option in fields(self)}
        plain["cache"] = self.cache.said() or None
        return {name: value for name, value in plain.items() if value is not None}

    def sections(self) -> dict[str, Any]:
        """Return all of it as ``gateway.yaml`` and the API write it."""
        return {
            "log": {"payloads": self.payloads},
            "hedge": {"enabled": self.hedge_enabled, "budget": self.hedge_budget},
            "affinity": self.affinity,
            "cache": self.cache.written(),
        }


def _read_cache(stored: Any) -> AliasCache:
    try:
        return AliasCache.model_validate(_known(AliasCache, stored))
    except ValidationError:
        return AliasCache()


def _known(model: type[Section], stored: Any) -> dict[str, Any]:
    """Leave out what the section does not know."""
    sections = model.sections()
    names = {written_name(model, attribute): attribute for attribute in model.model_fields}
    known = (
        {name: value for name, value in stored.items() if name in names} if isinstance(stored, dict) else {}
    )
    return {
        name: _known(sections[names[name]], value) if names[name] in sections else value
        for name, value in known.items()
    }


@dataclass(frozen=True, slots=True)
class AliasEntry:
    """A model name of the gateway's own."""

    name: str
    targets: tuple[TargetEntry, ...]
    source: Source = "store"
    origin: str = ""
    options: AliasOptions = AliasOptions()
    hooks: tuple[HookSection, ...] | None = None
    """In place of the top level's. The file alone can say so."""


@dataclass(frozen=True, slots=True)
class GatewayKeyEntry:
    """A client credential; only the SHA-256 (hex) of the secret is kept."""

    id: str
    name: str
    tenant: str
    sha256: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store contributes.

    ``settings`` maps dotted names (``limits.json_body``) to values as they are written in the file.
    """

    keys: tuple[ProviderKey, ...] = ()
    providers: tuple[ProviderEntry, ...] = ()
    aliases: tuple[AliasEntry, ...] = ()
    gateway_keys: tuple[GatewayKeyEntry, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
