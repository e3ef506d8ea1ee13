"""Cerebras: hosted open models.

https://inference-docs.cerebras.ai/resources/openai
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="cerebras",
    title="Cerebras",
    base_url="https://api.cerebras.ai/v1",
    env_keys=("CEREBRAS_API_KEY",),
    docs="https://inference-docs.cerebras.ai/resources/openai",
)
