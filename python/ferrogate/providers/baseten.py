"""Baseten's Model APIs: hosted open models, named ``organisation/model``.

The vendor's page was not seen: the base URL and the variable are from models.dev, which names it.

https://docs.baseten.co/reference/inference-api/chat-completions
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="baseten",
    title="Baseten",
    base_url="https://inference.baseten.co/v1",
    env_keys=("BASETEN_API_KEY",),
    docs="https://docs.baseten.co/reference/inference-api/chat-completions",
)
