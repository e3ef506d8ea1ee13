"""Lanes as an engine describes them."""

from __future__ import annotations

from typing import Any

__all__ = ["lane"]


def lane(**known: Any) -> dict[str, Any]:
    """Return what every engine says of a lane, and what one knows beside that."""
    counted = {"in_flight": 0, "requests": 0, "successes": 0, "failures": 0, "cancelled": 0}
    last = {"last_error": None, "last_status": None}
    named = {"provider": "openai", "key": "main", "key_id": "key_1", "model": "gpt-4o"}
    return {**named, "weight": 1.0, "enabled": True, **counted, **last, **known}
