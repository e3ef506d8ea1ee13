"""Vercel AI Gateway: models of many vendors, named ``vendor/model``.

The vendor's page was not seen: the base URL and the variable are from models.dev, which names it.

https://vercel.com/docs/ai-gateway/sdks-and-apis/openai-chat-completions/advanced
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="vercel",
    title="Vercel AI Gateway",
    base_url="https://ai-gateway.vercel.sh/v1",
    env_keys=("AI_GATEWAY_API_KEY",),
    docs="https://vercel.com/docs/ai-gateway/sdks-and-apis/openai-chat-completions/advanced",
)
