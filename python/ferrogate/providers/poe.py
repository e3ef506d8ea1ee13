"""Poe: models and bots of many vendors.

The vendor's page was not seen: the base URL and the variable are from models.dev, which names it.
``max_tokens`` has no other name there, by LiteLLM's list.

https://creator.poe.com/docs/external-applications/openai-compatible-api
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec, Quirks

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="poe",
    title="Poe",
    base_url="https://api.poe.com/v1",
    env_keys=("POE_API_KEY",),
    quirks=Quirks(rename={"max_completion_tokens": "max_tokens"}),
    docs="https://creator.poe.com/docs/external-applications/openai-compatible-api",
)
