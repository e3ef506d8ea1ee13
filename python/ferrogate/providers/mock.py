"""The scripted provider that ships: ``gateway mock`` is a server, ``gateway serve --mock`` embeds it.

The base URL is where ``gateway mock`` listens by default; ``--mock`` puts the embedded one in its place.
Headers that begin with ``x-mock-`` script the answer, and no other provider sees them.
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="mock",
    title="Mock provider",
    base_url="http://127.0.0.1:8081/v1",
    keyless=True,
    forward_headers=("x-mock-",),
    docs="docs/providers.md",
)
