"""Inference.net: hosted open models.

The vendor's page was not seen: the base URL and the variable are from models.dev.

https://docs.inference.net/cli/overview
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="inference-net",
    title="Inference.net",
    base_url="https://api.inference.net/v1",
    env_keys=("INFERENCE_API_KEY",),
    docs="https://docs.inference.net/cli/overview",
)
