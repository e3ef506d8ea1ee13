"""Hyperbolic: hosted open models, named ``organisation/model``.

The vendor's page was not seen: this is from Helicone's guide and the client of rig-core.

https://docs.hyperbolic.ai/
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="hyperbolic",
    title="Hyperbolic",
    base_url="https://api.hyperbolic.xyz/v1",
    env_keys=("HYPERBOLIC_API_KEY",),
    docs="https://docs.hyperbolic.ai/",
)
