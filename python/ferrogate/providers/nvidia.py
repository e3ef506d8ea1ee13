"""NVIDIA's hosted NIM; one's own container is reached by ``base_url``.

The vendor's page was not seen: the base URL and the variable are from models.dev, which names it;
that ``max_tokens`` has no other name there is from LiteLLM's adapter.

https://docs.api.nvidia.com/nim/reference/llm-apis
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec, Quirks

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="nvidia",
    title="NVIDIA NIM",
    base_url="https://integrate.api.nvidia.com/v1",
    env_keys=("NVIDIA_API_KEY",),
    quirks=Quirks(rename={"max_completion_tokens": "max_tokens"}),
    docs="https://docs.api.nvidia.com/nim/reference/llm-apis",
)
