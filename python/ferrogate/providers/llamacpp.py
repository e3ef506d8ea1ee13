"""llama.cpp's own server, ``llama-server``.

It listens on 8080 by default, as this gateway does, so ``base_url`` has to say where it is. It asks for a
key only where it was started with ``--api-key``.

https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="llamacpp",
    title="llama.cpp",
    keyless=True,
    docs="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
)
