"""Which clients are installed here, and the two keys of these tests."""

from __future__ import annotations

from importlib.metadata import version

__all__ = ["IS_NEWEST", "PROVIDER_KEY", "USER_KEY"]

IS_NEWEST = int(version("openai").partition(".")[0]) >= 3
"""Whether the newest ``openai`` and LangChain are here, or LiteLLM and LlamaIndex beside an older one."""

USER_KEY = "sk-the-one-that-the-application-has-always-sent"
PROVIDER_KEY = "sk-conformance-main"
