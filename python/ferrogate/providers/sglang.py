"""SGLang: one's own inference server.

It asks for a key only where it was started with ``--api-key``.

https://docs.sglang.io/docs/basic_usage/send_request
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="sglang",
    title="SGLang",
    base_url="http://127.0.0.1:30000/v1",
    keyless=True,
    docs="https://docs.sglang.io/docs/basic_usage/send_request",
)
