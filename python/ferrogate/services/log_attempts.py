"""The attempts of a request as its row tells them: which lane, why this one, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping

__all__ = ["attempts"]

_LANE = (
    "provider", "key", "model", "state", "multiplier", "ttft_ms", "token_ms", "success", "in_flight",
    "waiting", "weight", "ratio",
)  # fmt: skip


def attempts(row: RowMapping) -> list[dict[str, Any]]:
    """Every attempt.

    Where one succeeded at once, and there was no other lane, the record holds no list and the row itself
    tells it.

    Args:
        row: a row of the table of requests.

    """
    if row["attempts_json"]:
        return [_recorded(one) for one in json.loads(row["attempts_json"])]
    if not row["provider"] or row["attempts"] == 0:
        return []
    alone = {
        "provider": row["provider"],
        "key": row["key_name"],
        "model": row["upstream_model"],
        "status": row["status"] if row["status"] != 499 else None,
        "error": row["error"],
        "duration_us": row["upstream_us"],
    }
    return [_recorded(alone)]


def _recorded(one: Mapping[str, Any]) -> dict[str, Any]:
    duration = one.get("duration_us")
    return {
        "provider": one.get("provider"),
        "key": one.get("key"),
        "model": one.get("model"),
        "status": one.get("status"),
        "error": one.get("error"),
        "class": one.get("class"),
        "duration_ms": None if duration is None else duration / 1_000,
        "reason": one.get("reason"),
        "hedge": one.get("hedge", False),
        "lost": one.get("lost", False),
        "dropped": one.get("dropped"),
        "lanes": one.get("lanes"),
        "considered": [{name: lane.get(name) for name in _LANE} for lane in one.get("considered", ())],
    }
