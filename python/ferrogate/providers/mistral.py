"""Mistral AI.

It refuses members that it does not know (422 ``extra_forbidden``). Which it knows is what the request of its
own client has: https://github.com/mistralai/client-python

https://docs.mistral.ai/api
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec, Quirks

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="mistral",
    title="Mistral AI",
    base_url="https://api.mistral.ai/v1",
    env_keys=("MISTRAL_API_KEY",),
    quirks=Quirks(
        rename={"max_completion_tokens": "max_tokens", "seed": "random_seed"},
        unsupported=("logit_bias", "logprobs", "service_tier", "store", "top_logprobs", "user"),
    ),
    docs="https://docs.mistral.ai/api",
)
