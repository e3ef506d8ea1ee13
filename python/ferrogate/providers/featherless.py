"""Featherless AI: hosted open models, named ``organisation/model``.

https://featherless.ai/docs/api-overview-and-common-options
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="featherless",
    title="Featherless AI",
    base_url="https://api.featherless.ai/v1",
    env_keys=("FEATHERLESS_API_KEY",),
    docs="https://featherless.ai/docs/api-overview-and-common-options",
)
