"""Ollama: models on this machine.

The local server asks for no key, and none is taken from the environment: ``OLLAMA_API_KEY`` belongs to
ollama.com, which is reached with ``base_url: https://ollama.com/v1`` and a key of its own.
``max_tokens`` has no other name there: ``openai/openai.go`` of its source reads no other.

https://docs.ollama.com/api/openai-compatibility
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec, Quirks

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="ollama",
    title="Ollama",
    base_url="http://127.0.0.1:11434/v1",
    keyless=True,
    quirks=Quirks(rename={"max_completion_tokens": "max_tokens"}),
    docs="https://docs.ollama.com/api/openai-compatibility",
)
