"""NanoGPT: models of many vendors.

The vendor's page was not seen: the base URL is from models.dev and LiteLLM's list, which differ in the
variable.

https://docs.nano-gpt.com
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="nano-gpt",
    title="NanoGPT",
    base_url="https://nano-gpt.com/api/v1",
    env_keys=("NANOGPT_API_KEY", "NANO_GPT_API_KEY"),
    docs="https://docs.nano-gpt.com",
)
