"""DeepSeek.

Its documentation gives the base URL without a version; ``/v1`` in it would be accepted and mean nothing.

https://api-docs.deepseek.com/
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="deepseek",
    title="DeepSeek",
    base_url="https://api.deepseek.com",
    env_keys=("DEEPSEEK_API_KEY",),
    docs="https://api-docs.deepseek.com/",
)
