"""Acme: a service that does not exist.

https://acme.example/docs
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec, Quirks

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="acme",
    title="Acme",
    base_url="https://llm.acme.example/v1",
    env_keys=("ACME_API_KEY",),
    headers={"x-acme-client": "ferrogate"},
    quirks=Quirks(rename={"max_completion_tokens": "max_tokens"}),
    docs="https://acme.example/docs",
)
