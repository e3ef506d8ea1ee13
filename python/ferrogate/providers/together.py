"""Together AI: hosted open models, named ``organisation/model``.

https://docs.together.ai/docs/inference/openai-compatibility
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="together",
    title="Together AI",
    base_url="https://api.together.ai/v1",
    env_keys=("TOGETHER_API_KEY",),
    docs="https://docs.together.ai/docs/inference/openai-compatibility",
)
