"""Scaleway's Generative APIs.

The vendor's page was not seen: the base URL and the variable are from models.dev, which names it.
``SCW_SECRET_KEY`` opens more than models, and is not taken by itself.

https://www.scaleway.com/en/docs/generative-apis/
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="scaleway",
    title="Scaleway",
    base_url="https://api.scaleway.ai/v1",
    env_keys=("SCALEWAY_API_KEY",),
    docs="https://www.scaleway.com/en/docs/generative-apis/",
)
