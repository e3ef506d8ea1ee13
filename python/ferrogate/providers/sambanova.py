"""SambaNova: hosted open models.

The page leaves the base URL to one's account; this one is the default of Pipecat's client.

https://docs.sambanova.ai/docs/en/features/openai-compatibility
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="sambanova",
    title="SambaNova",
    base_url="https://api.sambanova.ai/v1",
    env_keys=("SAMBANOVA_API_KEY",),
    docs="https://docs.sambanova.ai/docs/en/features/openai-compatibility",
)
