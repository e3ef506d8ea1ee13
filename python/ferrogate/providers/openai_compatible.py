"""Any server that speaks OpenAI's dialect: a name of one's own, this kind, and a base URL.

A server that asks for no key needs none under ``keys``.
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="openai-compatible",
    title="OpenAI-compatible server",
    keyless=True,
    docs="https://platform.openai.com/docs/api-reference",
)
