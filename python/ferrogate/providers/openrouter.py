"""OpenRouter: a marketplace of models, named ``author/model``.

``HTTP-Referer`` and ``X-Title`` name the calling application on its site; they are optional, and go under
``headers``.

https://openrouter.ai/docs/api-reference/overview
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="openrouter",
    title="OpenRouter",
    base_url="https://openrouter.ai/api/v1",
    env_keys=("OPENROUTER_API_KEY",),
    docs="https://openrouter.ai/docs/api-reference/overview",
)
