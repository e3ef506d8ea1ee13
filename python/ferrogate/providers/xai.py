"""xAI: the Grok models.

https://docs.x.ai/developers/rest-api-reference/inference
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="xai",
    title="xAI",
    base_url="https://api.x.ai/v1",
    env_keys=("XAI_API_KEY",),
    docs="https://docs.x.ai/developers/rest-api-reference/inference",
)
