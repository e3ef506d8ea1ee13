"""One configuration out of three voices: the file, the environment and the store.

Flags win over the environment, the environment over the file, the file over the store. Keys are merged by
(provider, name): a key of the file stands beside the store's others and hides only the one of its own name.
Variables of a provider (``OPENAI_API_KEY``, ``OPENAI_BASE_URL``) are ambient, made for other programs, and
count only where nobody said anything else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from ferrogate.config import GatewayConfig, Settings
from ferrogate.config.base import Section, written_name
from ferrogate.config.hooks import HookSection
from ferrogate.config.places import Place, Places, Problem
from ferrogate.config.problems import find_problems, unknown_key
from ferrogate.engine.caching import cache_warnings
from ferrogate.engine.entries import (
    AliasEntry,
    AliasOptions,
    GatewayKeyEntry,
    ProviderEntry,
    ProviderKey,
    Source,
    Stored,
    TargetEntry,
)
from ferrogate.engine.merge_keys import merge_keys
from ferrogate.engine.merge_providers import merge_providers
from ferrogate.engine.reaching import network_warnings
from ferrogate.errors import ConfigError
from ferrogate.providers.registry import Registry

__all__ = [
    "AliasEntry",
    "AliasOptions",
    "Effective",
    "GatewayKeyEntry",
    "ProviderEntry",
    "ProviderKey",
    "Source",
    "Stored",
    "TargetEntry",
    "check_merge",
    "check_stored_settings",
    "merge",
]


SectionT = TypeVar("SectionT", bound=Section)


@dataclass(frozen=True, slots=True)
class Effective:
    """Everything that is in force.

    Attributes:
        settings: server, timeouts, limits, log, hedge, cache, affinity; complete, defaults filled in.
        sources: who said each setting, by dotted name (``limits.json_body``); one that is missing has its
            default.
        providers: declared ones and those that ship, by name; each has its base URL and all options.
        keys: those in force, each provider's in the order of file, store, environment.
        unused: keys that are known and not in force: hidden by one of higher rank, or of a provider that is
            not here.
        warnings: sentences for the operator; nothing is left out in silence.
        hooks: those of every route that says nothing of its own.

    """

    settings: Settings
    sources: Mapping[str, Source]
    origins: Mapping[str, str]
    providers: tuple[ProviderEntry, ...]
    keys: tuple[ProviderKey, ...]
    unused: tuple[ProviderKey, ...]
    aliases: tuple[AliasEntry, ...]
    gateway_keys: tuple[GatewayKeyEntry, ...]
    warnings: tuple[str, ...]
    hooks: tuple[HookSection, ...] = ()

    @property
    def auth_required(self) -> bool:
        """Whether callers must bring a credential: the setting, or, on ``auto``, the configured bind."""
        return self.settings.server.auth_required

    def provider(self, name: str) -> ProviderEntry | None:
        """Return the provider of that name, declared or shipped."""
        return next((entry for entry in self.providers if entry.name == name), None)

    def keys_of(self, provider: str) -> tuple[ProviderKey, ...]:
        """Return the keys in force for one provider."""
        return tuple(key for key in self.keys if key.provider == provider)


def merge(file: GatewayConfig, environ: Mapping[str, str], stored: Stored, registry: Registry) -> Effective:
    """Merge the three voices.

    What the file says wrongly is an error. What is wrong in the store, because a plug-in or the file changed
    under it, is left out with a warning, so that the gateway still starts.

    Raises:
        ConfigError: one line a problem, each with its place and what to write.

    """
    effective, problems = check_merge(file, environ, stored, registry)
    if problems:
        raise ConfigError("\n".join(str(problem) for problem in problems))
    return effective


def check_merge(
    file: GatewayConfig, environ: Mapping[str, str], stored: Stored, registry: Registry
) -> tuple[Effective, list[Problem]]:
    """Merge like :func:`merge`, with the problems as data.

    Where there are any, the rest is incomplete.
    """
    settings, sources, origins, warnings = _merge_settings(file, stored.settings)
    providers, problems, said = merge_providers(file, settings, environ, stored, registry)
    keys = merge_keys(file, environ, stored, registry, {entry.name for entry in providers})
    aliases, alias_problems, alias_said = _merge_aliases(file, stored, {entry.name for entry in providers})
    keyed = {key.provider for key in keys.in_force}
    unserved = [*cache_warnings(settings, aliases), *network_warnings(settings, providers)]
    effective = Effective(
        settings=settings,
        sources=sources,
        origins=origins,
        providers=tuple(entry.as_configured() if entry.name in keyed else entry for entry in providers),
        keys=keys.in_force,
        unused=keys.unused,
        aliases=aliases,
        gateway_keys=_merge_gateway_keys(environ, stored),
        warnings=(
            *registry.warnings,
            *file.warnings,
            *warnings,
            *said,
            *keys.warnings,
            *alias_said,
            *unserved,
        ),
        hooks=file.hooks,
    )
    return effective, [*problems, *alias_problems]


def check_stored_settings(settings: Mapping[str, Any]) -> Settings:
    """Validate settings by dotted name, spelled as in the file.

    Raises:
        ConfigError: an unknown name or a bad value, with what to write.

    """
    tree: dict[str, Any] = {}
    sections = Settings.sections()
    for name, value in settings.items():
        section, dot, _ = name.partition(".")
        if section not in Settings.model_fields or bool(dot) != (section in sections):
            raise ConfigError(f"{name} {unknown_key(section, Settings.model_fields)}")
        here, parts = tree, name.split(".")
        for part in parts[:-1]:
            here = here.setdefault(part, {})
            if not isinstance(here, dict):
                raise ConfigError(f"{name} stands inside of a value that is stored too; take one away")
        here[parts[-1]] = value
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        places = Places("stored settings")
        raise ConfigError(
            "\n".join(str(problem) for problem in find_problems(error, Settings, places))
        ) from None


def _merge_settings(
    file: GatewayConfig, stored: Mapping[str, Any]
) -> tuple[Settings, dict[str, Source], dict[str, str], list[str]]:
    warnings: list[str] = []
    try:
        below = check_stored_settings(stored)
    except ConfigError as error:
        warnings.append(f"the stored settings were left out: {error}")
        below = Settings()
    places = dict(file.places.settings())
    sources: dict[str, Source] = {}
    origins: dict[str, str] = {}

    def note(name: str, *, above: bool) -> None:
        place = places.get(name, Place("file", "the file")) if above else None
        sources[name] = place.said if place else "store"
        origins[name] = str(place) if place else "store"

    def lay(upper: Section, lower: SectionT, prefix: str = "") -> SectionT:
        """Lay what is said above over what is said below, section by section."""
        sections = lower.sections()
        merged: dict[str, Any] = {}
        for attribute in type(lower).model_fields:
            name = f"{prefix}{written_name(type(lower), attribute)}"
            above = attribute in upper.model_fields_set
            if attribute in sections:
                merged[attribute] = lay(getattr(upper, attribute), getattr(lower, attribute), f"{name}.")
            elif above or attribute in lower.model_fields_set:
                merged[attribute] = getattr(upper if above else lower, attribute)
                note(name, above=above)
        return lower.model_copy(update=merged)

    return lay(file, below), sources, origins, warnings


def _merge_aliases(
    file: GatewayConfig, stored: Stored, providers: Collection[str]
) -> tuple[tuple[AliasEntry, ...], list[Problem], list[str]]:
    merged: dict[str, AliasEntry] = {}
    problems: list[Problem] = []
    warnings: list[str] = []
    for name, section in file.models.items():
        targets = []
        for index, target in enumerate(section.targets):
            provider, model = target.pair
            location = ("models", name, "targets", index)
            if provider not in providers:
                sentence = f"leads to {provider!r}, which {unknown_key(provider, providers)}"
                problems.append(Problem(file.places.value(location), location, sentence))
            targets.append(TargetEntry(provider, model, target.weight))
        origin = str(file.places.key(("models", name)))
        hedge = section.hedge
        options = AliasOptions(
            section.log.payloads, hedge.enabled, hedge.budget, section.affinity, section.cache
        )
        merged[name] = AliasEntry(name, tuple(targets), "file", origin, options, section.hooks)
    for alias in stored.aliases:
        if alias.name in merged:
            continue
        known = tuple(entry for entry in alias.targets if entry.provider in providers)
        for entry in alias.targets:
            if entry not in known:
                warnings.append(
                    f"alias {alias.name}: target {entry} was left out, its provider does not exist"
                )
        if known:
            merged[alias.name] = AliasEntry(alias.name, known, "store", alias.origin, alias.options)
    return tuple(merged[name] for name in sorted(merged)), problems, warnings


def _merge_gateway_keys(environ: Mapping[str, str], stored: Stored) -> tuple[GatewayKeyEntry, ...]:
    """Join the store's and the one that GATEWAY_KEY holds."""
    secret = environ.get("GATEWAY_KEY", "").strip()
    if not secret:
        return stored.gateway_keys
    digest = hashlib.sha256(secret.encode()).hexdigest()
    others = tuple(key for key in stored.gateway_keys if key.sha256 != digest)
    return (GatewayKeyEntry("env:GATEWAY_KEY", "GATEWAY_KEY", "env:GATEWAY_KEY", digest), *others)
