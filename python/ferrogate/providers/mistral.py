"""Mistral AI.

https://docs.mistral.ai/api
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="mistral",
    title="Mistral AI",
    base_url="https://api.mistral.ai/v1",
    env_keys=("MISTRAL_API_KEY",),
    docs="https://docs.mistral.ai/api",
)
