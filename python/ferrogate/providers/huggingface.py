"""Hugging Face's router: ``organisation/model``, and ``:provider`` behind it to choose who serves.

https://huggingface.co/docs/inference-providers
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="huggingface",
    title="Hugging Face",
    base_url="https://router.huggingface.co/v1",
    env_keys=("HF_TOKEN",),
    docs="https://huggingface.co/docs/inference-providers",
)
