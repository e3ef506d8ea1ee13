"""Anthropic's Messages API; chat completions are converted on the way.

The official SDKs write their base URL without ``/v1`` and put it before every path, so
``ANTHROPIC_BASE_URL`` and ``base_url`` may have either form: one that does not end in ``/v1`` gets it.
Client headers that begin with ``anthropic-`` pass, such as ``anthropic-beta``; the version is always the one
that the conversion was written for.

https://platform.claude.com/docs/en/api/overview
https://platform.claude.com/docs/en/api/versioning
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ferrogate.providers.base import AuthScheme, ProviderSpec

__all__ = ["SPEC"]


def _configure(spec: ProviderSpec, options: Mapping[str, str]) -> ProviderSpec:
    del options
    return replace(spec, base_url=f"{(spec.base_url or '').removesuffix('/v1')}/v1")


SPEC = ProviderSpec(
    name="anthropic",
    title="Anthropic",
    dialect="anthropic",
    base_url="https://api.anthropic.com/v1",
    auth=AuthScheme(header="x-api-key", prefix=""),
    env_keys=("ANTHROPIC_API_KEY",),
    env_base_url=("ANTHROPIC_BASE_URL",),
    headers={"anthropic-version": "2023-06-01"},
    forward_headers=("anthropic-",),
    operations=("chat.completions", "models"),
    configure=_configure,
    docs="https://platform.claude.com/docs/en/api/overview",
)
