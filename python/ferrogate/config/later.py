"""What later versions will read: a file written for them starts this one, with a warning a part left out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ferrogate.config.places import Location, Places

__all__ = ["take_later"]

_OF_ALIASES = {
    "timeouts": "this version has timeouts at top level and under a provider, not under an alias",
}
_PROVIDERS = frozenset({"bedrock", "cohere", "gemini"})


def take_later(tree: dict[str, Any], places: Places, kinds: Collection[str] | None) -> list[str]:
    """Remove what later versions will read, and the ``x-`` keys that only hold anchors; say which.

    Args:
        tree: the file's content; it is changed.
        places: where its parts stand.
        kinds: the kinds of providers that there are; None leaves providers alone.

    Returns:
        A sentence for each part that was left out.

    """
    models = _section(tree, "models")
    warnings = []
    for name, section in models.items():
        if isinstance(section, dict):
            warnings += _take_sections(section, ("models", name), places)
    if kinds is not None:
        gone = _PROVIDERS.difference(kinds)
        warnings += _take_providers(_section(tree, "providers"), gone, places)
        warnings += _take_targets(models, gone.difference(_section(tree, "providers")), places)
    for name in [name for name in tree if name.startswith("x-")]:
        del tree[name]
    return warnings


def _section(tree: dict[str, Any], name: str) -> dict[str, Any]:
    section = tree.get(name)
    return section if isinstance(section, dict) else {}


def _take_sections(section: dict[str, Any], location: Location, places: Places) -> list[str]:
    warnings = []
    for name, why in _OF_ALIASES.items():
        if section.pop(name, None) is not None:
            inner = (*location, name)
            warnings.append(f"{places.key(inner)}: {'.'.join(map(str, inner))} is ignored: {why}")
    return warnings


def _take_providers(providers: dict[str, Any], gone: Collection[str], places: Places) -> list[str]:
    """Remove sections of providers that do not ship yet, but for those whose kind says otherwise."""
    names = [
        name
        for name, section in providers.items()
        if name in gone and not (isinstance(section, dict) and section.get("kind"))
    ]
    for name in names:
        del providers[name]
    return [
        f"{places.key(('providers', name))}: providers.{name} is ignored: "
        "this version speaks OpenAI's dialect and Anthropic's"
        for name in names
    ]


def _take_targets(models: dict[str, Any], gone: Collection[str], places: Places) -> list[str]:
    """Remove targets of those providers from aliases that have others."""
    warnings = []
    for name, section in models.items():
        targets = section.get("targets") if isinstance(section, dict) else section
        if not isinstance(targets, list):
            continue
        kept = [target for target in targets if _provider(target) not in gone]
        if not kept or len(kept) == len(targets):
            continue
        place = places.key(("models", name))
        warnings += [
            f"{place}: models.{name}: the target {_provider(target)} is ignored: that provider comes later"
            for target in targets
            if target not in kept
        ]
        targets[:] = kept
    return warnings


def _provider(target: Any) -> Any:
    if isinstance(target, dict):
        target = target.get("provider") or target.get("target")
    return target.partition("/")[0] if isinstance(target, str) else None
