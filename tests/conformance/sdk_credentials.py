"""The two keys of these tests: what applications send, and what the provider gets instead."""

from __future__ import annotations

__all__ = ["PROVIDER_KEY", "USER_KEY"]

PROVIDER_KEY = "sk-conformance-main"
USER_KEY = "sk-the-one-that-the-application-has-always-sent"
