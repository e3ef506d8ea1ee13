"""vLLM: one's own inference server.

``vllm serve`` asks for a key only where it was started with ``--api-key`` or ``VLLM_API_KEY``.

https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="vllm",
    title="vLLM",
    base_url="http://127.0.0.1:8000/v1",
    env_keys=("VLLM_API_KEY",),
    keyless=True,
    docs="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
)
