"""The caches as the engine is given them, and what is asked for and not served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ferrogate.config.cache import AliasCache, Cache, Exact
from ferrogate.config.sections import Settings
from ferrogate.engine import snapshot
from ferrogate.engine.entries import AliasEntry

__all__ = ["cache_of_alias", "cache_warnings", "cache_wire"]


def cache_wire(exact: Exact) -> snapshot.Cache:
    """Return what the engine is given: all but the semantic cache, which this version has not."""
    return snapshot.Cache(exact=snapshot.Exact(**exact.model_dump()))


def cache_of_alias(own: AliasCache, top: Cache) -> snapshot.Cache | None:
    """Lay what an alias says over the top level; None where it says nothing."""
    said = own.exact.model_dump(exclude_none=True)
    return cache_wire(top.exact.model_copy(update=said)) if said else None


def cache_warnings(
    settings: Settings, origins: Mapping[str, str], aliases: Iterable[AliasEntry]
) -> Iterator[str]:
    """Say what of the caches is asked for and not served."""
    asked = {"cache.semantic": (settings.cache.semantic.enabled, origins.get("cache.semantic.enabled", ""))}
    exact = {"cache.exact": settings.cache.exact.enabled}
    for alias in aliases:
        own = alias.options.cache
        asked[f"models.{alias.name}.cache.semantic"] = (bool(own.semantic.enabled), alias.origin)
        exact[f"models.{alias.name}.cache.exact"] = bool(own.exact.enabled)
    for name, (enabled, origin) in asked.items():
        if enabled:
            yield f"{origin}: {name} has no effect: this version has no semantic cache yet"
    if settings.server.engine == "python":
        for name, enabled in exact.items():
            if enabled:
                yield f"{name} has no effect: the Python engine keeps no answers"
