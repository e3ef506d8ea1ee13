"""The effective configuration as it may be shown: secrets masked, every value with who said it."""

from __future__ import annotations

from typing import Any

from ferrogate.config.quantities import format_bytes, format_ms
from ferrogate.config.sections import Section, Settings, written_name
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
                "source": alias.source,
                "origin": alias.origin,
            }
            for alias in effective.aliases
        ],
        "gateway_keys": [
            {"id": key.id, "name": key.name, "tenant": key.tenant} for key in effective.gateway_keys
        ],
        "warnings": list(effective.warnings),
    }


def describe_settings(effective: Effective) -> dict[str, dict[str, Any]]:
    """Return every setting by dotted name: its value as one would write it, and who said it."""
    described: dict[str, dict[str, Any]] = {}
    for name in Settings.model_fields:
        values = getattr(effective.settings, name)
        if not isinstance(values, Section):
            described[name] = _setting(effective, name, values)
            continue
        for attribute in type(values).model_fields:
            inner = f"{name}.{written_name(type(values), attribute)}"
            described[inner] = _setting(effective, inner, _spelled(attribute, getattr(values, attribute)))
    return described


def _setting(effective: Effective, name: str, value: Any) -> dict[str, Any]:
    return {
        "value": value,
        "source": effective.sources.get(name, "default"),
        "origin": effective.origins.get(name, "default"),
    }


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
        "tls": {"ca": entry.authorities.path if entry.authorities else None},
        "options": dict(entry.options),
        "configured": entry.configured,
        "source": entry.source,
        "origin": entry.origin,
        "keys": [describe_key(key) for key in effective.keys_of(entry.name)],
    }


def _spelled(attribute: str, value: Any) -> Any:
    if attribute.endswith("_ms"):
        return format_ms(value)
    if attribute.endswith("_bytes"):
        return format_bytes(value)
    if isinstance(value, Section):
        return value.model_dump()
    return list(value) if isinstance(value, tuple) else value
