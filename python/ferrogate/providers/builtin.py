"""The providers that ship, in one list."""

from __future__ import annotations

from ferrogate.providers import (
    anthropic,
    azure,
    deepseek,
    groq,
    mistral,
    mock,
    ollama,
    openai,
    openai_compatible,
    openrouter,
    together,
    vllm,
)

__all__ = ["BUILTIN"]

BUILTIN = (
    openai.SPEC,
    anthropic.SPEC,
    azure.SPEC,
    openai_compatible.SPEC,
    groq.SPEC,
    mistral.SPEC,
    deepseek.SPEC,
    together.SPEC,
    openrouter.SPEC,
    ollama.SPEC,
    vllm.SPEC,
    mock.SPEC,
)
