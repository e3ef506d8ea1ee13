"""Moonshot AI: the Kimi models.

Keys of the platform in China go to ``base_url: https://api.moonshot.cn/v1``.

https://platform.kimi.ai/docs/api/overview
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="moonshot",
    title="Moonshot AI",
    base_url="https://api.moonshot.ai/v1",
    env_keys=("MOONSHOT_API_KEY",),
    docs="https://platform.kimi.ai/docs/api/overview",
)
