"""The effective configuration as it may be shown: secrets masked, every value with who said it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ferrogate.config.base import Section, written_name
from ferrogate.config.quantities import format_ms
from ferrogate.engine.effective import Effective, ProviderEntry, ProviderKey

__all__ = ["describe", "describe_key", "describe_settings"]


def describe(effective: Effective) -> dict[str, Any]:
    """Return plain JSON data: settings, providers with their keys, aliases, gateway keys, warnings."""
    return {
        "settings": describe_settings(effective),
        "auth_required": effective.auth_required,
        "providers": [_describe_provider(entry, effective) for entry in effective.providers],
        "unused_keys": [describe_key(key) for key in effective.unused],
        "models": [
            {
                "name": alias.name,
                "targets": [{"target": str(target), "weight": target.weight} for target in alias.targets],
                **alias.options.sections(),
                "hooks": None if alias.hooks is None else [hook.written() for hook in alias.hooks],
                "source": alias.source,
                "origin": alias.origin,
            }
            for alias in effective.aliases
        ],
        "hooks": [hook.written() for hook in effective.hooks],
        "gateway_keys": [
            {"id": key.id, "name": key.name, "tenant": key.tenant} for key in effective.gateway_keys
        ],
        "warnings": list(effective.warnings),
    }


def describe_settings(effective: Effective) -> dict[str, dict[str, Any]]:
    """Return every setting by dotted name: its value as one would write it, and who said it."""
    return {
        name: {
            "value": value,
            "source": effective.sources.get(name, "default"),
            "origin": effective.origins.get(name, "default"),
        }
        for name, value in _values(type(effective.settings), effective.settings.written())
    }


def _values(model: type[Section], written: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the values of a section and of those inside it, by dotted name."""
    sections = model.sections()
    for attribute in model.model_fields:
        name = written_name(model, attribute)
        if attribute not in sections:
            yield name, written[name]
            continue
        for inner, value in _values(sections[attribute], written[name]):
            yield f"{name}.{inner}", value


def describe_key(key: ProviderKey) -> dict[str, Any]:
    """Return a key with its value masked."""
    return {
        "id": key.id,
        "provider": key.provider,
        "name": key.name,
        "value": key.masked,
        "weight": key.weight,
        "models": list(key.models),
        "enabled": key.enabled,
        "source": key.source,
        "origin": key.origin,
    }


def _describe_provider(entry: ProviderEntry, effective: Effective) -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "base_url": entry.base_url,
        "query": entry.masked_query,
        "headers": entry.masked_headers,
        "timeouts": {name.removesuffix("_ms"): format_ms(value) for name, value in entry.timeouts.items()},
        "http2": entry.http2 or "auto",
        "tls": {
            "ca": entry.authorities.path if entry.authorities else None,
            "cert": entry.identity.cert_path if entry.identity else None,
            "key": entry.identity.key_path if entry.identity else None,
            "server_name": entry.server_name,
            "min_version": "1.3" if entry.newest_tls else "1.2",
        },
        "proxy": None
        if entry.reach.proxy is None
        else {"url": entry.reach.proxy.shown, "said_by": entry.reach.proxy.said_by},
        "addresses": list(entry.reach.addresses),
        "connections_per_second": entry.reach.connections_per_second,
        "warm": entry.reach.warm,
        "options": dict(entry.options),
        "configured": entry.configured,
        "source": entry.source,
        "origin": entry.origin,
        "keys": [describe_key(key) for key in effective.keys_of(entry.name)],
    }
