"""Providers of file, store and registry, each with its base URL and all of its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from ferrogate.config import GatewayConfig, Settings
from ferrogate.config.models import ProviderSection
from ferrogate.config.places import Location, Place, Problem
from ferrogate.config.problems import unknown_key
from ferrogate.config.proxies import check_variables, choose_proxy
from ferrogate.config.urls import base_url, is_loopback
from ferrogate.engine.entries import ProviderEntry, ReachEntry, Stored
from ferrogate.errors import ConfigError
from ferrogate.providers.base import ProviderSpec
from ferrogate.providers.registry import Registry

__all__ = ["complete", "merge_providers"]

_EVERYWHERE = ("0.0.0.0", "::", "[::]")  # noqa: S104 - compared with, not bound


def merge_providers(
    file: GatewayConfig, settings: Settings, environ: Mapping[str, str], stored: Stored, registry: Registry
) -> tuple[list[ProviderEntry], list[Problem], list[str]]:
    """Every provider that can be called, sorted by name; problems of the file; warnings about the rest.

    A section of the file hides the store's entry of that name, except one that only adds keys.
    """
    entries = {
        spec.name: ProviderEntry(spec.name, spec.name, source="builtin", configured=False)
        for spec in registry
    }
    entries |= {entry.name: entry for entry in stored.providers}
    for name, section in file.providers.items():
        below = entries.get(name)
        entry = _from_file(name, section, file)
        entries[name] = replace(below, configured=True) if below and section.says_only_keys else entry
    merged: list[ProviderEntry] = []
    wrong = check_variables(environ)
    problems = [Problem(Place("env", name), (), sentence) for name, sentence in wrong.items()]
    environ = {name: value for name, value in environ.items() if name not in wrong}
    warnings: list[str] = []
    for name in sorted(entries):
        entry = entries[name]
        try:
            ready, said = complete(entry, settings, environ, registry)
            warnings += said
            if ready is not None:
                merged.append(replace(ready, reach=_reach(ready, file, environ)))
            elif name in file.providers:
                problems.append(_no_base_url(entry, file, registry.get(entry.kind)))
            elif entry.configured:
                warnings.append(f"provider {name} was left out: it has no base URL")
        except ConfigError as error:
            if entry.source == "store":
                warnings.append(f"provider {name} was left out: {error}")
            else:
                location: Location = ("providers", name)
                problems.append(Problem(file.places.key(location), location, f"is wrong: {error}"))
    return merged, problems, warnings


def complete(
    entry: ProviderEntry, settings: Settings, environ: Mapping[str, str], registry: Registry
) -> tuple[ProviderEntry | None, list[str]]:
    """Fill in the base URL and every option; None where nobody says a base URL.

    Raises:
        ConfigError: an unknown kind or option, or an option's value that is not among its choices.

    """
    spec = registry.get(entry.kind)
    warnings: list[str] = []
    options = _options(entry, spec, environ)
    url = entry.base_url
    if url is None and entry.name == spec.name:
        url, warnings = _ambient_base_url(spec, settings, environ)
    url = url or _own_base_url(spec, options)
    if url is None:
        return None, warnings
    if entry.base_url is not None and _is_this_gateway(entry.base_url, settings):
        warnings.append(
            f"provider {entry.name}: base_url points at this gateway; requests would go in a circle"
        )
    return replace(entry, base_url=url.rstrip("/"), options=options), warnings


def _reach(entry: ProviderEntry, file: GatewayConfig, environ: Mapping[str, str]) -> ReachEntry:
    section, network = file.providers.get(entry.name), file.network
    section = section or ProviderSection()
    own, top = section.proxy, network.proxy
    proxy = choose_proxy(
        entry.base_url or "",
        None if own is None else own.value,
        None if top is None else top.value,
        network.no_proxy,
        environ,
    )
    host = urlsplit(entry.base_url or "").hostname or ""
    return ReachEntry(
        proxy,
        section.addresses or network.hosts.get(host, ()),
        network.dns_ttl_ms,
        section.connections_per_second,
        section.warm,
    )


def _from_file(name: str, section: ProviderSection, file: GatewayConfig) -> ProviderEntry:
    place = file.places.key(("providers", name))
    secrets = {**section.headers, **section.query}
    return ProviderEntry(
        name=name,
        kind=section.kind or name,
        base_url=section.base_url,
        query={key: secret.value for key, secret in section.query.items()},
        headers={key: secret.value for key, secret in section.headers.items()},
        timeouts=section.timeouts.overrides(),
        http2=section.http2,
        authorities=section.tls.ca,
        identity=section.tls.identity,
        server_name=section.tls.server_name,
        newest_tls=section.tls.min_version == "1.3",
        options={key: _as_text(value) for key, value in section.options.items()},
        secrets=frozenset(key for key, secret in secrets.items() if secret.reference),
        source=place.said,
        origin=str(place),
    )


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _options(entry: ProviderEntry, spec: ProviderSpec, environ: Mapping[str, str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for option in spec.options:
        ambient = next(
            (environ[name].strip() for name in option.env if environ.get(name, "").strip()), option.default
        )
        value = entry.options.get(option.name, ambient)
        if option.choices and value not in option.choices:
            raise ConfigError(f"{option.name} must be one of {', '.join(option.choices)}")
        options[option.name] = value
    for name in entry.options.keys() - options.keys():
        raise ConfigError(f"{name} {unknown_key(name, [*options, *ProviderSection.model_fields])}")
    return options


def _own_base_url(spec: ProviderSpec, options: Mapping[str, str]) -> str | None:
    """Fill in the options that a spec's base URL names; None where one of them is empty."""
    url = spec.base_url
    for name in spec.base_url_options:
        value = options.get(name, "")
        if url is None or not value:
            return None
        url = url.replace(f"{{{name}}}", quote(value, safe=""))
    return url


def _ambient_base_url(
    spec: ProviderSpec, settings: Settings, environ: Mapping[str, str]
) -> tuple[str | None, list[str]]:
    """Read the base URL that a provider's own variable holds.

    Whoever points a client at this gateway by OPENAI_BASE_URL and starts the gateway in the same shell must
    not get a circle.
    """
    for variable in spec.env_base_url:
        text = environ.get(variable, "").strip()
        if not text:
            continue
        try:
            url = base_url(text)
        except ValueError as error:
            return None, [f"{variable} is ignored: it {error}"]
        if _is_this_gateway(url, settings):
            return None, [
                f"{variable} is ignored: it points at this gateway, and requests would go in a circle"
            ]
        return url, []
    return None, []


def _is_this_gateway(url: str, settings: Settings) -> bool:
    parts = urlsplit(url)
    host, bind = parts.hostname or "", settings.server.host
    port = parts.port or (443 if parts.scheme == "https" else 80)
    reaches = host == bind or (is_loopback(host) and (is_loopback(bind) or bind in _EVERYWHERE))
    return reaches and port == settings.server.port


def _no_base_url(entry: ProviderEntry, file: GatewayConfig, spec: ProviderSpec) -> Problem:
    location: Location = ("providers", entry.name)
    variables = "".join(f", or set {name}" for name in spec.env_base_url if entry.name == spec.name)
    sentence = f"has no base_url; write base_url: https://HOST/v1{variables}"
    if spec.name == "azure":
        sentence = f"has no base_url; write base_url: https://NAME.openai.azure.com{variables}"
    if spec.base_url_options:
        sentence = f"needs {' and '.join(spec.base_url_options)}, which its base URL is made of"
    return Problem(file.places.key(location), location, sentence)
