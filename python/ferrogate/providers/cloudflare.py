"""Cloudflare Workers AI: models named ``@cf/author/model``.

The account's id is part of the base URL. A token with Workers AI has to be given: ``CLOUDFLARE_API_TOKEN``
may open more than models, and is not taken by itself.

https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderOption, ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="cloudflare",
    title="Cloudflare Workers AI",
    base_url="https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/v1",
    options=(ProviderOption("account_id", "", "the account that pays", env=("CLOUDFLARE_ACCOUNT_ID",)),),
    docs="https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/",
)
