"""Fireworks AI: hosted open models, named ``accounts/fireworks/models/NAME``.

https://docs.fireworks.ai/tools-sdks/openai-compatibility
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="fireworks",
    title="Fireworks AI",
    base_url="https://api.fireworks.ai/inference/v1",
    env_keys=("FIREWORKS_API_KEY",),
    docs="https://docs.fireworks.ai/tools-sdks/openai-compatibility",
)
