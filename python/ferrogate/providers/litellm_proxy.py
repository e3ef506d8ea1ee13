"""One's own LiteLLM proxy.

It asks for a key only where it has a master key.

https://docs.litellm.ai/docs/simple_proxy_old_doc
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="litellm-proxy",
    title="LiteLLM Proxy",
    base_url="http://127.0.0.1:4000",
    keyless=True,
    docs="https://docs.litellm.ai/docs/simple_proxy_old_doc",
)
