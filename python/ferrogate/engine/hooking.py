"""Hooks as the engine is given them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from ferrogate.config.hooks import HookSection
from ferrogate.engine import snapshot
from ferrogate.engine.entries import AliasEntry
from ferrogate.hooks.load import HookSet

__all__ = ["hooks_of_alias", "hooks_wire", "routes_of"]

STAGES: Final[tuple[Literal["request", "response", "event"], ...]] = ("request", "response", "event")


def hooks_wire(hooks: HookSet) -> list[snapshot.Hook]:
    """Return what the engine is told of each hook; its code goes another way."""
    return [
        snapshot.Hook(
            id=hook.id,
            stages=[stage for stage in STAGES if f"on_{stage}" in hook.bound.stages],
            timeout_ms=hook.section.timeout_ms,
            open=hook.section.on_failure == "open",
        )
        for hook in hooks.installed
    ]


def hooks_of_alias(alias: AliasEntry, hooks: HookSet) -> list[int] | None:
    """Return the hooks of an alias; None leaves them to the top level."""
    return None if alias.hooks is None else hooks.ids(alias.hooks)


def routes_of(
    top: tuple[HookSection, ...], aliases: Iterable[AliasEntry]
) -> Iterable[tuple[HookSection, ...]]:
    """Yield the hooks of the top level and of each alias that has its own."""
    yield top
    for alias in aliases:
        if alias.hooks is not None:
            yield alias.hooks
