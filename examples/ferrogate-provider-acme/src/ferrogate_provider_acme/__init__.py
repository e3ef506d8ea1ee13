"""Acme: a service that does not exist.

https://acme.example/docs
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="acme",
    title="Acme",
    base_url="https://llm.acme.example/v1",
    env_keys=("ACME_API_KEY",),
    headers={"x-acme-client": "ferrogate"},
    docs="https://acme.example/docs",
)
