"""NVIDIA's hosted NIM; one's own container is reached by ``base_url``.

The vendor's page was not seen: the base URL and the variable are from models.dev, which names it.

https://docs.api.nvidia.com/nim/reference/llm-apis
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="nvidia",
    title="NVIDIA NIM",
    base_url="https://integrate.api.nvidia.com/v1",
    env_keys=("NVIDIA_API_KEY",),
    docs="https://docs.api.nvidia.com/nim/reference/llm-apis",
)
