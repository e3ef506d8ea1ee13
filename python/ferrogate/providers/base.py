"""What a provider is, as data.

A provider file builds one :class:`ProviderSpec`; the engine executes it. Nothing here does I/O and nothing
runs per
request: the spec is compiled into the snapshot when configuration changes.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["AuthScheme", "Configure", "Operation", "ProviderOption", "ProviderSpec", "Quirks"]

Operation = Literal[
    "chat.completions",
    "completions",
    "responses",
    "embeddings",
    "moderations",
    "models",
    "images",
    "audio",
    "files",
    "other",
]


@dataclass(frozen=True, slots=True)
class AuthScheme:
    """How a key travels: ``{header}: {prefix}{key}``. An empty key sends no header."""

    header: str = "authorization"
    prefix: str = "Bearer "


@dataclass(frozen=True, slots=True)
class ProviderOption:
    """A setting that only one kind of provider has, such as Azure's ``api_version``.

    Attributes:
        name: as written under the provider in ``gateway.yaml``.
        default: what holds where nobody says anything.
        summary: one sentence for the documentation and the JSON Schema.
        choices: the values it may have; empty for free text.
        env: environment variables that may hold it, nearest first.

    """

    name: str
    default: str
    summary: str
    choices: tuple[str, ...] = ()
    env: tuple[str, ...] = ()


_OWN = frozenset({"model", "stream", "messages"})
"""Members that the engine reads or writes itself."""


@dataclass(frozen=True, slots=True)
class Quirks:
    """What a provider that speaks OpenAI's dialect understands differently in a chat completion.

    The engine changes the body where these members stand and leaves every other byte as the client sent it.

    Attributes:
        rename: top-level members with another name there: OpenAI's name -> the provider's. The value stays.
            Where a client sends both, the provider's own spelling wins, and the other is dropped.
        unsupported: top-level members that the provider refuses. They are left out and named in the response
            header ``x-gateway-dropped`` and in the log; with ``x-gateway-strict: true`` the request is a 400.
        required: members, with their JSON value, that are added where the client sends none.

    """

    rename: Mapping[str, str] = field(default_factory=dict)
    unsupported: tuple[str, ...] = ()
    required: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what would contradict the engine or itself. Raises ValueError."""
        named = {*self.rename, *self.rename.values(), *self.unsupported, *self.required}
        if own := sorted(named & _OWN):
            raise ValueError(f"{own[0]} is the gateway's own, and no quirk")
        if both := sorted(set(self.unsupported) & {*self.rename, *self.rename.values(), *self.required}):
            raise ValueError(f"{both[0]} cannot be unsupported and sent")


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """One provider.

    Attributes:
        name: the identifier used in ``provider/model`` and in configuration.
        title: the name that people read.
        dialect: the wire format that it speaks.
        base_url: where it lives, without a trailing slash; None where the user must say. ``{name}`` in it is
            the option of that name, and the user must say that.
        auth: how the key is sent.
        env_keys: environment variables that hold a key, nearest first.
        env_base_url: environment variables that may hold the base URL.
        keyless: it answers without a key (a local server).
        templates: path below ``base_url`` per operation; ``*`` is the default. ``{path}`` is the client's
            path after ``/v1/``, ``{model}`` the percent-encoded model (Azure's deployments).
        query: appended to every URL, without ``?``.
        headers: sent with every request.
        forward_headers: families (prefixes) of client headers that this provider and no other may see.
        header_env: client-independent headers filled from the environment: header name -> variable.
        quirks: what it understands differently in a chat completion.
        operations: what it can do; ``*`` means every path passes.
        options: settings of its own.
        configure: makes the final spec of this one and the complete options; it does no I/O and raises
            ValueError with a sentence for the user. None where the options change nothing, or there are none.
        docs: the page of the provider's documentation that this file was written from.

    """

    name: str
    title: str
    dialect: Literal["openai", "anthropic"] = "openai"
    base_url: str | None = None
    auth: AuthScheme = AuthScheme()
    env_keys: tuple[str, ...] = ()
    env_base_url: tuple[str, ...] = ()
    keyless: bool = False
    templates: dict[str, str] = field(default_factory=lambda: {"*": "/{path}"})
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    forward_headers: tuple[str, ...] = ()
    header_env: dict[str, str] = field(default_factory=dict)
    quirks: Quirks = Quirks()
    operations: tuple[str, ...] = ("*",)
    options: tuple[ProviderOption, ...] = ()
    configure: Configure | None = None
    docs: str = ""

    @property
    def base_url_options(self) -> tuple[str, ...]:
        """The options that the base URL names."""
        return tuple(name for _, name, _, _ in string.Formatter().parse(self.base_url or "") if name)


Configure = Callable[[ProviderSpec, Mapping[str, str]], ProviderSpec]
