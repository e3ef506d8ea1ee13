"""SiliconFlow: hosted open models, named ``organisation/model``.

The vendor's page was not seen: the base URL and the variable are from models.dev, which names it.

https://docs.siliconflow.com/en/api-reference/chat-completions/chat-completions
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="siliconflow",
    title="SiliconFlow",
    base_url="https://api.siliconflow.com/v1",
    env_keys=("SILICONFLOW_API_KEY",),
    docs="https://docs.siliconflow.com/en/api-reference/chat-completions/chat-completions",
)
