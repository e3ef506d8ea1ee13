"""Crusoe's serverless inference, models named ``organisation/model``.

https://docs.crusoecloud.com/quickstart/getting-started-with-serverless-inference
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="crusoe",
    title="Crusoe",
    base_url="https://api.inference.crusoecloud.com/v1",
    env_keys=("CRUSOE_API_KEY",),
    docs="https://docs.crusoecloud.com/quickstart/getting-started-with-serverless-inference",
)
