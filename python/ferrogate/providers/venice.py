"""Venice AI.

The vendor's page was not seen: the base URL and the variable are from models.dev, which names it.

https://docs.venice.ai
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="venice",
    title="Venice AI",
    base_url="https://api.venice.ai/api/v1",
    env_keys=("VENICE_API_KEY",),
    docs="https://docs.venice.ai",
)
