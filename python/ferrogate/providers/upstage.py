"""Upstage: the Solar models.

The vendor's page was not seen: the base URL and the variable are from models.dev, which names it.

https://developers.upstage.ai/docs/apis/chat
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="upstage",
    title="Upstage",
    base_url="https://api.upstage.ai/v1/solar",
    env_keys=("UPSTAGE_API_KEY",),
    docs="https://developers.upstage.ai/docs/apis/chat",
)
