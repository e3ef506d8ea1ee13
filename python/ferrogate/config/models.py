"""The parts of ``gateway.yaml`` about providers, keys and aliases, and the whole of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from ferrogate.config.base import Section
from ferrogate.config.cache import AliasCache
from ferrogate.config.hooks import HookSection
from ferrogate.config.network import Addresses, Network, ProviderTls, ProxyText
from ferrogate.config.places import Places
from ferrogate.config.quantities import Share
from ferrogate.config.secrets import Secret, resolve
from ferrogate.config.sections import Settings, Timeouts
from ferrogate.config.urls import base_url
from ferrogate.errors import SecretError

__all__ = [
    "AliasSection",
    "GatewayConfig",
    "KeySection",
    "ProviderSection",
    "ProviderTls",
    "TargetSection",
    "check_key_name",
    "check_provider_name",
]

_PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
_KEY_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9 ._@-]{0,62}[A-Za-z0-9_])?", re.ASCII)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_OWN_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}
)


def check_provider_name(name: str) -> str:
    """Check a provider's name, the word before the ``/`` of ``provider/model``. Raises ValueError."""
    if not _PROVIDER_NAME.fullmatch(name):
        raise ValueError(
            "is not a provider name; use lower-case letters, digits, '.', '_' and '-', like my-vllm"
        )
    return name


def check_key_name(name: str) -> str:
    """Check a key's name, which shows in logs and in ``x-gateway-key``. Raises ValueError."""
    if not _KEY_NAME.fullmatch(name):
        raise ValueError(
            "is not a key name; use up to 64 letters, digits, spaces, '.', '_', '@' and '-', like main"
        )
    return name


def _secret(value: object, info: ValidationInfo) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text; write it in quotes")
    context = info.context or {}
    try:
        return resolve(value, context.get("environ", {}), context.get("folder", Path()))
    except SecretError as error:
        raise ValueError(str(error)) from None


def _header_names(headers: dict[str, Secret]) -> dict[str, Secret]:
    for name in headers:
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise ValueError(f"{name!r} is not a header that can be set here")
    return headers


_SECRET_SCHEMA = {"type": "string", "description": "env.NAME, file:PATH, or the text itself"}
SecretText = Annotated[Secret, BeforeValidator(_secret), WithJsonSchema(_SECRET_SCHEMA)]
BaseUrl = Annotated[str, AfterValidator(base_url)]
ProviderName = Annotated[str, AfterValidator(check_provider_name)]
KeyName = Annotated[str, AfterValidator(check_key_name)]
ModelName = Annotated[str, Field(min_length=1, max_length=512)]


class KeySection(Section):
    """One key of a provider. A text alone stands for ``{value: TEXT}``."""

    name: KeyName = Field(
        default="", validate_default=False, description="default: the variable's name, or key-1, key-2, ..."
    )
    value: SecretText = Field(repr=False)
    weight: float = Field(default=1.0, ge=0, le=1e6, allow_inf_nan=False, description="share of the traffic")
    models: tuple[ModelName, ...] = Field(
        default=("*",), min_length=1, description="names it may serve; * at the end is open"
    )
    enabled: bool = True

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return {"value": value} if isinstance(value, str) else value

    def called(self, position: int) -> str:
        """Return the name, or the one that stands in for it."""
        if self.name:
            return self.name
        variable = self.value.reference.removeprefix("env.")
        return variable if variable != self.value.reference else f"key-{position + 1}"


class ProviderSection(Section):
    """One provider. Keys beyond these are settings of its kind, checked against the kind's own list."""

    model_config = ConfigDict(extra="allow")

    kind: str | None = Field(default=None, description="the provider it follows; default: its own name")
    base_url: BaseUrl | None = None
    keys: tuple[KeySection, ...] = ()
    headers: Annotated[dict[str, SecretText], AfterValidator(_header_names)] = Field(default={}, repr=False)
    query: dict[str, SecretText] = Field(default={}, repr=False)
    timeouts: Timeouts = Field(default_factory=Timeouts)
    http2: Literal["auto", "off"] | None = None
    tls: ProviderTls = Field(default_factory=ProviderTls)
    proxy: ProxyText | None = Field(
        default=None, repr=False, description="how it is reached; off for none; default: network.proxy"
    )
    addresses: Addresses = Field(
        default=(), description="of its host, in the place of what the resolver says"
    )
    connections_per_second: float | None = Field(
        default=None, gt=0, le=1e6, allow_inf_nan=False, description="that are made, at most"
    )
    warm: int = Field(
        default=0, ge=0, le=256, description="connections that each engine thread keeps open for it"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_nothing(cls, value: object) -> object:
        return {} if value is None else value

    @property
    def options(self) -> dict[str, Any]:
        """The settings of its kind, as written."""
        return dict(self.model_extra or {})

    @property
    def says_only_keys(self) -> bool:
        """Such a section adds keys and leaves every setting to the store and the spec."""
        return self.model_fields_set <= {"keys"}


class TargetSection(Section):
    """Where an alias leads. A text stands for ``{target: TEXT}``."""

    target: str | None = Field(default=None, description="provider/model")
    provider: ProviderName | None = None
    model: ModelName | None = None
    weight: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return {"target": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _leads_somewhere(self) -> TargetSection:
        provider, slash, model = (self.target or "").partition("/")
        if self.target is not None and (self.provider or self.model or not (provider and slash and model)):
            raise ValueError("must be written provider/model, like openai/gpt-4o-mini")
        if self.target is None and not (self.provider and self.model):
            raise ValueError("needs a target, like openai/gpt-4o-mini, or provider and model")
        return self

    @property
    def pair(self) -> tuple[str, str]:
        """Provider and model."""
        if self.target is not None:
            provider, _, model = self.target.partition("/")
            return provider, model
        return self.provider or "", self.model or ""


class AliasLog(Section):
    """What an alias says of the log for itself; None leaves it to the top level."""

    payloads: bool | None = Field(default=None, description="keep bodies")


class AliasHedge(Section):
    """What an alias says of hedging for itself; None leaves it to the top level."""

    enabled: bool | None = Field(default=None, description="ask a second lane too where the first is late")
    budget: Share | None = Field(default=None, description="part of the requests that may be asked twice")


class AliasSection(Section):
    """A model name of the gateway's own. A list stands for ``{targets: LIST}``, a text for one target."""

    targets: tuple[TargetSection, ...] = Field(min_length=1)
    log: AliasLog = Field(default_factory=AliasLog, description="overrides of the top-level log")
    hedge: AliasHedge = Field(default_factory=AliasHedge, description="overrides of the top-level hedge")
    cache: AliasCache = Field(default_factory=AliasCache, description="overrides of the top-level cache")
    affinity: bool | None = Field(
        default=None, description="one conversation stays on one lane; null leaves it to the top level"
    )
    hooks: tuple[HookSection, ...] | None = Field(
        default=None, description="in place of the top level's; [] for none"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: object) -> object:
        if isinstance(value, str):
            return {"targets": [value]}
        return {"targets": value} if isinstance(value, list) else value


class GatewayConfig(Settings):
    """The whole file, with the environment's and the flags' settings laid over it."""

    providers: dict[ProviderName, ProviderSection] = Field(default_factory=dict)
    models: dict[ModelName, AliasSection] = Field(default_factory=dict)
    network: Network = Field(default_factory=Network)
    hooks: tuple[HookSection, ...] = Field(default=(), description="code on every request's way, in order")

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {name: section for name, section in value.items() if section is not None}

    _places: Places = PrivateAttr(default_factory=Places)
    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @property
    def places(self) -> Places:
        """Where each part was written."""
        return self._places

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about what was read and left out."""
        return self._warnings

    def with_origin(self, places: Places, warnings: tuple[str, ...]) -> GatewayConfig:
        """Return the same configuration, knowing where it was written."""
        copy = self.model_copy()
        copy._places = places
        copy._warnings = warnings
        return copy
