"""Chutes: hosted open models, named ``organisation/model``.

The vendor's page was not seen: this is from models.dev, which names it.
``max_tokens`` has no other name there, by LiteLLM's list.

https://chutes.ai/docs/guides/reasoning-models
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec, Quirks

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="chutes",
    title="Chutes",
    base_url="https://llm.chutes.ai/v1",
    env_keys=("CHUTES_API_KEY",),
    quirks=Quirks(rename={"max_completion_tokens": "max_tokens"}),
    docs="https://chutes.ai/docs/guides/reasoning-models",
)
