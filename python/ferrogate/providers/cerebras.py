"""Cerebras: hosted open models.

Three members are a 400 there, by the guide of the client ReqLLM.

https://inference-docs.cerebras.ai/resources/openai
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec, Quirks

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="cerebras",
    title="Cerebras",
    base_url="https://api.cerebras.ai/v1",
    env_keys=("CEREBRAS_API_KEY",),
    quirks=Quirks(unsupported=("frequency_penalty", "logit_bias", "presence_penalty")),
    docs="https://inference-docs.cerebras.ai/resources/openai",
)
