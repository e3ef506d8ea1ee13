"""Ollama: models on this machine.

The local server asks for no key, and none is taken from the environment: ``OLLAMA_API_KEY`` belongs to
ollama.com, which is reached with ``base_url: https://ollama.com/v1`` and a key of its own.

https://docs.ollama.com/api/openai-compatibility
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="ollama",
    title="Ollama",
    base_url="http://127.0.0.1:11434/v1",
    keyless=True,
    docs="https://docs.ollama.com/api/openai-compatibility",
)
