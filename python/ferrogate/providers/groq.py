"""Groq: hosted open models.

https://console.groq.com/docs/openai
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="groq",
    title="Groq",
    base_url="https://api.groq.com/openai/v1",
    env_keys=("GROQ_API_KEY",),
    docs="https://console.groq.com/docs/openai",
)
