"""LM Studio: models on this machine.

The address, and that ``max_tokens`` has no other name there, are from models.dev, which names that page.

https://lmstudio.ai/docs/developer/openai-compat
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec, Quirks

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="lmstudio",
    title="LM Studio",
    base_url="http://127.0.0.1:1234/v1",
    keyless=True,
    quirks=Quirks(rename={"max_completion_tokens": "max_tokens"}),
    docs="https://lmstudio.ai/docs/developer/openai-compat",
)
