"""Nscale: hosted open models, named ``organisation/model``.

The vendor's page was not seen: the base URL is from LiteLLM's list, the variable by its name for it.

https://docs.nscale.com/docs/inference/serverless-models/overview
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="nscale",
    title="Nscale",
    base_url="https://inference.api.nscale.com/v1",
    env_keys=("NSCALE_API_KEY",),
    docs="https://docs.nscale.com/docs/inference/serverless-models/overview",
)
