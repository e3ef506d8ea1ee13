"""Novita AI: hosted open models, named ``organisation/model``.

The vendor's page was not seen: the base URL and the variable are from models.dev, which names it.

https://novita.ai/docs/api-reference/model-apis-llm-create-chat-completion
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="novita",
    title="Novita AI",
    base_url="https://api.novita.ai/openai/v1",
    env_keys=("NOVITA_API_KEY",),
    docs="https://novita.ai/docs/api-reference/model-apis-llm-create-chat-completion",
)
