"""Provider keys of file, store and environment, merged by (provider, name)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ferrogate.config import GatewayConfig
from ferrogate.config.secrets import unusable
from ferrogate.engine.entries import ProviderKey, Stored
from ferrogate.providers.registry import Registry

__all__ = ["MergedKeys", "merge_keys"]


@dataclass(frozen=True, slots=True)
class MergedKeys:
    """The outcome.

    The order inside a provider is file, store, environment; its first enabled key is the stable one.
    """

    in_force: tuple[ProviderKey, ...]
    unused: tuple[ProviderKey, ...]
    warnings: tuple[str, ...]


def merge_keys(
    file: GatewayConfig,
    environ: Mapping[str, str],
    stored: Stored,
    registry: Registry,
    providers: Collection[str],
) -> MergedKeys:
    """Merge the keys of the providers that exist.

    A key of the file hides the store's key of the same name. A key from the environment counts only where the
    provider has no other: not even a disabled one, because disabling a key must not bring another one in.
    """
    warnings: list[str] = []
    candidates = [*_from_file(file), *stored.keys]
    declared = {key.provider for key in candidates}
    ambient, ambient_warnings = _from_environment(environ, registry)
    warnings += ambient_warnings
    merged: dict[tuple[str, str], ProviderKey] = {}
    unused: list[ProviderKey] = []
    for key in (*candidates, *ambient):
        is_surplus = key.source == "env" and key.provider in declared
        if key.provider not in providers:
            unused.append(key)
            warnings.append(_homeless(key, registry))
        elif is_surplus or (key.provider, key.name) in merged:
            unused.append(key)
        else:
            merged[key.provider, key.name] = key
    in_force = sorted(merged.values(), key=lambda key: key.provider)
    return MergedKeys(tuple(in_force), tuple(unused), tuple(dict.fromkeys(warnings)))


def _from_file(file: GatewayConfig) -> list[ProviderKey]:
    return [
        ProviderKey(
            id=f"file:{provider}/{key.called(index)}",
            provider=provider,
            name=key.called(index),
            value=key.value.value,
            weight=key.weight,
            models=key.models,
            enabled=key.enabled,
            source="file",
            origin=str(file.places.value(("providers", provider, "keys", index))),
        )
        for provider, section in file.providers.items()
        for index, key in enumerate(section.keys)
    ]


def _from_environment(environ: Mapping[str, str], registry: Registry) -> tuple[list[ProviderKey], list[str]]:
    keys: list[ProviderKey] = []
    warnings: list[str] = []
    for spec in registry:
        variable = next((name for name in spec.env_keys if environ.get(name, "").strip()), None)
        if variable is None:
            continue
        value = environ[variable].strip()
        if reason := unusable(value):
            warnings.append(f"{variable} is ignored: it {reason}")
            continue
        keys.append(
            ProviderKey(
                f"env:{spec.name}/{variable}", spec.name, variable, value, source="env", origin=variable
            )
        )
    return keys, warnings


def _homeless(key: ProviderKey, registry: Registry) -> str:
    where = f" ({key.origin})" if key.origin and key.origin != key.name else ""
    if key.provider not in registry:
        return f"key {key.name}{where} is not used: there is no provider {key.provider}"
    spec = registry.get(key.provider)
    variables = "".join(f"set {name}, or " for name in spec.env_base_url)
    return (
        f"key {key.name}{where} is not used: {key.provider} has no base URL; "
        f"{variables}write providers.{key.provider}.base_url in gateway.yaml"
    )
