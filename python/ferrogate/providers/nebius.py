"""Nebius Token Factory: hosted open models, named ``organisation/model``.

The vendor's page was not seen: the base URL and the variable are from models.dev, which names it.

https://docs.tokenfactory.nebius.com/api-reference/inference/create-chat-completion
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="nebius",
    title="Nebius Token Factory",
    base_url="https://api.tokenfactory.nebius.com/v1",
    env_keys=("NEBIUS_API_KEY",),
    docs="https://docs.tokenfactory.nebius.com/api-reference/inference/create-chat-completion",
)
