"""The caches as the engine is given them, and what is asked for and not served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Final

from ferrogate.config.cache import HASHED, MINILM, AliasCache, Cache, Embedder, Exact, Semantic
from ferrogate.config.sections import Settings
from ferrogate.engine import snapshot
from ferrogate.engine.entries import AliasEntry
from ferrogate.engine.semantic.weights import weights_folder

__all__ = ["cache_of_alias", "cache_warnings", "cache_wire", "embedder_wire"]

SIMILARITY: Final = {"precise": 0.80, "recall": 0.75}
"""By profile. They belong to minilm; a provider's model needs a threshold of its own."""


def cache_wire(exact: Exact, semantic: Semantic) -> snapshot.Cache:
    """Return what the engine is given."""
    threshold, verify = semantic.threshold, semantic.verify
    return snapshot.Cache(
        exact=snapshot.Exact(**exact.model_dump()),
        semantic=snapshot.Semantic(
            enabled=semantic.enabled,
            threshold=SIMILARITY[semantic.profile] if threshold is None else threshold,
            verify=snapshot.Verify(**verify.model_dump(exclude={"enabled"})) if verify.enabled else None,
        ),
    )


def cache_of_alias(own: AliasCache, top: Cache) -> snapshot.Cache | None:
    """Lay what an alias says over the top level; None where it says nothing."""
    exact = own.exact.model_dump(exclude_none=True)
    semantic = own.semantic.model_dump(exclude_none=True, exclude={"verify"})
    verify = own.semantic.verify.model_dump(exclude_none=True)
    if not (exact or semantic or verify):
        return None
    semantic["verify"] = top.semantic.verify.model_copy(update=verify)
    return cache_wire(top.exact.model_copy(update=exact), top.semantic.model_copy(update=semantic))


def embedder_wire(settings: Settings, aliases: Iterable[AliasEntry]) -> snapshot.Embedder | None:
    """Return what makes vectors; None where nothing asks for one.

    Raises:
        ConfigError: the weights cannot be found.

    """
    cache = settings.cache
    is_asked_for = (
        cache.semantic.enabled
        or any(alias.options.cache.semantic.enabled for alias in aliases)
        # Whoever names one wants it ready for clients that ask by header.
        or bool({"model", "path"} & cache.embedder.model_fields_set)
    )
    embedder = cache.embedder
    if not is_asked_for or (settings.server.engine == "python" and not _python_compares(embedder)):
        return None
    return snapshot.Embedder(model=_model(embedder), threads=embedder.threads, queue=embedder.queue)


def _model(embedder: Embedder) -> snapshot.EmbedderModel:
    if embedder.model == MINILM:
        return {"minilm": str(weights_folder(embedder.path))}
    return HASHED if embedder.model == HASHED else {"provider": embedder.model}


def _python_compares(embedder: Embedder) -> bool:
    """Whether the Python engine can compare by meaning: it needs an index, and makes its vectors here."""
    return find_spec("hnswlib") is not None and embedder.model in (MINILM, HASHED)


def cache_warnings(settings: Settings, aliases: Iterable[AliasEntry]) -> Iterator[str]:
    """Say what of the caches is asked for and not served."""
    if settings.server.engine != "python":
        return
    asked = {"cache": (settings.cache.semantic.enabled, settings.cache.semantic.verify.enabled)}
    stale = {"cache": settings.cache.exact.stale_ms}
    for alias in aliases:
        own = alias.options.cache
        name = f"models.{alias.name}.cache"
        asked[name] = (bool(own.semantic.enabled), bool(own.semantic.verify.enabled))
        stale[name] = own.exact.stale_ms or 0
    for name, (semantic, verify) in asked.items():
        if semantic and not _python_compares(settings.cache.embedder):
            why = (
                "the Python engine makes its vectors by minilm or hashed"
                if find_spec("hnswlib")
                else "the Python engine has no index: pip install 'ferrogate[python-engine]'"
            )
            yield f"{name}.semantic has no effect: {why}"
        if verify:
            yield f"{name}.semantic.verify has no effect: the Python engine verifies nothing"
    for name, milliseconds in stale.items():
        if milliseconds:
            yield f"{name}.exact.stale has no effect: the Python engine serves fresh answers only"
