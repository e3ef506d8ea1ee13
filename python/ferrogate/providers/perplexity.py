"""Perplexity: answers from a web search.

Chat completions have no version in their path, responses have. Stigg's guide says that chat completions ended
on 2026-09-27; the vendor's page still had them where it was read.

https://docs.perplexity.ai/docs/sonar/openai-compatibility
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="perplexity",
    title="Perplexity",
    base_url="https://api.perplexity.ai",
    env_keys=("PERPLEXITY_API_KEY",),
    templates={"*": "/{path}", "responses": "/v1/{path}"},
    docs="https://docs.perplexity.ai/docs/sonar/openai-compatibility",
)
