"""NanoGPT: models of many vendors.

The vendor's page was not seen: the base URL is from models.dev and LiteLLM's list, which differ in the
variable.
``max_tokens`` has no other name there, by LiteLLM's list.

https://docs.nano-gpt.com
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec, Quirks

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="nano-gpt",
    title="NanoGPT",
    base_url="https://nano-gpt.com/api/v1",
    env_keys=("NANOGPT_API_KEY", "NANO_GPT_API_KEY"),
    quirks=Quirks(rename={"max_completion_tokens": "max_tokens"}),
    docs="https://docs.nano-gpt.com",
)
