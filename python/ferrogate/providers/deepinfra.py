"""DeepInfra: hosted open models, named ``organisation/model``.

``max_tokens`` has no other name there, by LiteLLM's adapter.

https://deepinfra.com/docs/advanced/openai_api
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec, Quirks

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="deepinfra",
    title="DeepInfra",
    base_url="https://api.deepinfra.com/v1/openai",
    env_keys=("DEEPINFRA_API_KEY", "DEEPINFRA_API_TOKEN"),
    quirks=Quirks(rename={"max_completion_tokens": "max_tokens"}),
    docs="https://deepinfra.com/docs/advanced/openai_api",
)
