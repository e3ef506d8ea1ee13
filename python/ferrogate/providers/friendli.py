"""FriendliAI's serverless endpoints.

The vendor's page was not seen: the base URL and the variable are from models.dev, which names it.

https://friendli.ai/docs/openapi/model-apis/chat-completions
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="friendli",
    title="FriendliAI",
    base_url="https://api.friendli.ai/serverless/v1",
    env_keys=("FRIENDLI_TOKEN",),
    docs="https://friendli.ai/docs/openapi/model-apis/chat-completions",
)
