"""MiniMax, outside of China.

Keys of the platform in China go to ``base_url: https://api.minimaxi.com/v1``.

https://platform.minimax.io/docs/api-reference/text-openai-api
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="minimax",
    title="MiniMax",
    base_url="https://api.minimax.io/v1",
    env_keys=("MINIMAX_API_KEY",),
    docs="https://platform.minimax.io/docs/api-reference/text-openai-api",
)
