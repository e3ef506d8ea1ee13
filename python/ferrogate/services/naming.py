"""The sentence for a provider that nobody knows."""

from __future__ import annotations

from difflib import get_close_matches

from ferrogate.engine.effective import Effective
from ferrogate.errors import ConfigError
from ferrogate.providers.registry import Registry

__all__ = ["unknown_provider"]


def unknown_provider(name: str, effective: Effective, registry: Registry) -> ConfigError:
    """Return an error that names the nearest known providers, or all of them."""
    known = sorted({entry.name for entry in effective.providers} | set(registry.names()))
    near = get_close_matches(name.lower(), known, n=2, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"
    return ConfigError(f"there is no provider named {name!r}; {hint}")
