"""From what is in force to what the engine is given: every provider resolved, nothing left to look up."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from ferrogate.config.sections import Hedge
from ferrogate.engine import snapshot
from ferrogate.engine.caching import cache_of_alias, cache_wire, embedder_wire
from ferrogate.engine.effective import AliasOptions, Effective, ProviderEntry
from ferrogate.engine.entries import ReachEntry
from ferrogate.engine.hooking import hooks_of_alias, hooks_wire
from ferrogate.errors import ConfigError
from ferrogate.hooks.load import HookSet
from ferrogate.providers.base import ProviderSpec
from ferrogate.providers.registry import Registry

__all__ = ["compile_snapshot", "key_hint"]


def compile_snapshot(
    effective: Effective,
    registry: Registry,
    environ: Mapping[str, str] | None = None,
    hooks: HookSet | None = None,
) -> snapshot.Snapshot:
    """Resolve templates, URLs, headers and timeouts of every provider into one document.

    Raises:
        ConfigError: a provider's options contradict each other.

    """
    ambient = os.environ if environ is None else environ
    installed = hooks or HookSet()
    server = effective.settings.server
    return snapshot.Snapshot(
        auth=snapshot.Auth(
            required=server.auth_required,
            gateway_keys=[
                snapshot.GatewayKey(id=key.id, name=key.name, tenant=key.tenant, sha256=key.sha256)
                for key in effective.gateway_keys
            ],
            allowed_hosts=list(server.allowed_hosts),
            allowed_origins=list(server.allowed_origins),
        ),
        limits=snapshot.Limits(**effective.settings.limits.model_dump()),
        log=snapshot.Log(**effective.settings.log.model_dump(include=set(snapshot.Log.model_fields))),
        expose_headers=server.expose_headers,
        hedge=snapshot.Hedge(**effective.settings.hedge.model_dump()),
        affinity=effective.settings.affinity,
        cache=cache_wire(effective.settings.cache.exact, effective.settings.cache.semantic),
        cache_bytes=effective.settings.cache.size_bytes,
        embedder=embedder_wire(effective.settings, effective.aliases),
        installed_hooks=hooks_wire(installed),
        hooks=[] if hooks is None else installed.ids(effective.hooks),
        providers=[_provider(entry, effective, registry, ambient) for entry in effective.providers],
        aliases=[
            snapshot.Alias(
                name=alias.name,
                payloads=alias.options.payloads,
                hedge=_hedge(alias.options, effective.settings.hedge),
                affinity=alias.options.affinity,
                cache=cache_of_alias(alias.options.cache, effective.settings.cache),
                hooks=None if hooks is None else hooks_of_alias(alias, installed),
                targets=[
                    snapshot.Target(provider=target.provider, model=target.model, weight=target.weight)
                    for target in alias.targets
                ],
            )
            for alias in effective.aliases
        ],
    )


def key_hint(provider: str, spec: ProviderSpec) -> str:
    """Name the ways to add a key, for the 401 that says there is none."""
    ways = [f"set {spec.env_keys[0]}"] if spec.env_keys and provider == spec.name else []
    ways += [f"`gateway keys add {provider}`", "POST /api/v1/keys"]
    return f"{', '.join(ways)}, or providers.{provider}.keys in gateway.yaml"


def _hedge(own: AliasOptions, top: Hedge) -> snapshot.Hedge | None:
    """Lay what an alias says over the top level; None where it says nothing."""
    if own.hedge_enabled is None and own.hedge_budget is None:
        return None
    return snapshot.Hedge(
        enabled=top.enabled if own.hedge_enabled is None else own.hedge_enabled,
        budget=top.budget if own.hedge_budget is None else own.hedge_budget,
    )


def _provider(
    entry: ProviderEntry, effective: Effective, registry: Registry, environ: Mapping[str, str]
) -> snapshot.Provider:
    spec = replace(registry.get(entry.kind), base_url=entry.base_url)
    if spec.configure is not None:
        try:
            spec = spec.configure(spec, entry.options)
        except ValueError as error:
            raise ConfigError(f"provider {entry.name}: {error}") from None
    keys = effective.keys_of(entry.name)
    headers = {**spec.headers, **entry.headers}
    if any(key.source == "env" for key in keys):
        headers = {**_ambient_headers(spec, environ), **headers}
    return snapshot.Provider(
        name=entry.name,
        kind=entry.kind,
        dialect=spec.dialect,
        base_url=spec.base_url or "",
        auth=snapshot.KeyAuth(header=spec.auth.header, prefix=spec.auth.prefix),
        templates=dict(spec.templates),
        query="&".join(part for part in (spec.query, urlencode(dict(entry.query))) if part),
        headers={name.lower(): value for name, value in headers.items()},
        forward_headers=list(spec.forward_headers),
        quirks=snapshot.Quirks(
            rename=dict(spec.quirks.rename),
            unsupported=list(spec.quirks.unsupported),
            required=dict(spec.quirks.required),
        ),
        timeouts=snapshot.Timeouts(**{**effective.settings.timeouts.model_dump(), **entry.timeouts}),
        http2=entry.http2 or "auto",
        tls=_tls(entry),
        reach=_way(entry.reach),
        keyless=spec.keyless,
        configured=entry.configured,
        key_hint=key_hint(entry.name, spec),
        keys=[
            snapshot.Key(
                id=key.id,
                name=key.name,
                value=key.value,
                weight=key.weight,
                models=list(key.models),
                enabled=key.enabled,
            )
            for key in keys
        ],
    )


def _tls(entry: ProviderEntry) -> snapshot.ProviderTls:
    return snapshot.ProviderTls(
        ca=entry.authorities.pem if entry.authorities else None,
        cert=entry.identity.chain if entry.identity else None,
        key=entry.identity.key if entry.identity else None,
        server_name=entry.server_name,
        newest=entry.newest_tls,
    )


def _way(reach: ReachEntry) -> snapshot.Reach:
    proxy = reach.proxy
    return snapshot.Reach(
        proxy=None
        if proxy is None
        else snapshot.Proxy(
            scheme=proxy.scheme,
            host=proxy.host,
            port=proxy.port,
            username=proxy.username,
            password=proxy.password,
        ),
        addresses=list(reach.addresses),
        dns_ttl_ms=reach.dns_ttl_ms,
        connections_per_second=reach.connections_per_second,
        warm=reach.warm,
    )


def _ambient_headers(spec: ProviderSpec, environ: Mapping[str, str]) -> dict[str, str]:
    """Headers that the provider's own SDK reads beside the key, such as OPENAI_ORG_ID."""
    found = {header: environ.get(variable, "").strip() for header, variable in spec.header_env.items()}
    return {header: value for header, value in found.items() if value}
