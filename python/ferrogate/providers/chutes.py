"""Chutes: hosted open models, named ``organisation/model``.

The vendor's page was not seen: this is from models.dev, which names it.

https://chutes.ai/docs/guides/reasoning-models
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="chutes",
    title="Chutes",
    base_url="https://llm.chutes.ai/v1",
    env_keys=("CHUTES_API_KEY",),
    docs="https://chutes.ai/docs/guides/reasoning-models",
)
