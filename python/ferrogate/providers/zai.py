"""Z.AI: the GLM models of Zhipu.

The vendor's page was not seen: the base URL is from models.dev, which names it. The coding plan has a base
URL of its own, ``https://api.z.ai/api/coding/paas/v4``.

https://docs.z.ai/guides/capabilities/thinking
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="zai",
    title="Z.AI",
    base_url="https://api.z.ai/api/paas/v4",
    env_keys=("ZAI_API_KEY", "ZHIPU_API_KEY"),
    docs="https://docs.z.ai/guides/capabilities/thinking",
)
