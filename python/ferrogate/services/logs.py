"""The request log and its charts, in the shape that people read: nested, with names and milliseconds."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping

from ferrogate.config.quantities import duration_ms
from ferrogate.services.log_attempts import attempts
from ferrogate.services.log_rows import log_row
from ferrogate.services.payloads import PayloadsService
from ferrogate.store import Store
from ferrogate.store.ids import now_ms
from ferrogate.store.request_stats import buckets
from ferrogate.store.requests import LogFilter
from ferrogate.store.rollups import MINUTE_MS

__all__ = ["MOST_ROWS", "LogPage", "LogsService", "iso_time", "parse_filter", "shape"]

MOST_ROWS = 500
_MOST_BUCKETS = 1_500
_HOUR_MS = 3_600_000
_CLASS = re.compile(r"([1-5])xx", re.IGNORECASE)
_CODE = re.compile(r"[1-5][0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some entries, newest first, and the cursor of the next page (None at the end)."""

    items: list[dict[str, Any]]
    next_cursor: str | None


class LogsService:
    """Reads the request log."""

    def __init__(self, store: Store, payloads: PayloadsService) -> None:
        self._store = store
        self._payloads = payloads

    def page(self, asked: LogFilter, limit: int = 50, cursor: str | None = None) -> LogPage:
        """Return the newest entries that match, or those after a cursor.

        Raises:
            ValueError: the cursor is not one that a page gave.

        """
        limit = max(1, min(limit, MOST_ROWS))
        before = None if cursor is None else _decode(cursor)
        with self._store.database.read() as connection:
            rows = self._store.requests.page(connection, asked, limit + 1, before)
        more = len(rows) > limit
        items = [shape(row) for row in rows[:limit]]
        return LogPage(items, _encode(rows[limit - 1]["id"]) if more else None)

    def get(self, request_id: str) -> dict[str, Any]:
        """Return one entry by the gateway's id or the client's ``x-request-id``. Raises NotFoundError."""
        row = log_row(self._store, request_id)
        return {**shape(row), "payloads": {**_payloads(row), "state": self._payloads.state(row)}}

    def stats(self, asked: LogFilter, bucket_ms: int = 60_000) -> dict[str, Any]:
        """Return counts, tokens and percentiles per span of time; the last hour unless asked otherwise.

        Spans of whole minutes come from the counts a minute, which outlive the rows: then percentiles are
        within ten percent, and the window is widened to whole minutes. Others are counted from the rows.

        Raises:
            ValueError: the window holds too many spans.

        """
        until_ms = asked.until_ms or now_ms()
        since_ms = asked.since_ms if asked.since_ms is not None else until_ms - _HOUR_MS
        if (until_ms - since_ms) / bucket_ms > _MOST_BUCKETS:
            raise ValueError(f"the window holds more than {_MOST_BUCKETS} buckets: take a larger bucket")
        window = LogFilter(**{**asdict(asked), "since_ms": since_ms, "until_ms": asked.until_ms})
        with self._store.database.read() as connection:
            counted = bucket_ms % MINUTE_MS == 0
            read = self._store.rollups.buckets if counted else buckets
            found = read(connection, window, bucket_ms)
        return {
            "since": iso_time(since_ms),
            "until": iso_time(until_ms),
            "bucket_seconds": bucket_ms / 1_000,
            "source": "rollups" if counted else "rows",
            "totals": {
                name: sum(getattr(bucket, name) for bucket in found)
                for name in ("requests", "errors", "cancelled", "input_tokens", "output_tokens")
            },
            "series": [
                {
                    "start": iso_time(bucket.start_ms),
                    "requests": bucket.requests,
                    "errors": bucket.errors,
                    "cancelled": bucket.cancelled,
                    "tokens": {"input": bucket.input_tokens, "output": bucket.output_tokens},
                    "p50_ms": _ms(bucket.p50_us),
                    "p95_ms": _ms(bucket.p95_us),
                    "ttft_p50_ms": _ms(bucket.ttft_p50_us),
                }
                for bucket in found
            ],
        }


def parse_filter(given: Mapping[str, str | None]) -> LogFilter:
    """Read the filters as people write them.

    ``since`` and ``until`` are ISO 8601, unix milliseconds, or an age (``15m``); ``status`` is ``429`` or
    ``4xx``; ``tag`` is ``name`` or ``name=value``.

    Raises:
        ValueError: one of them cannot be read; the text names it and says what to write.

    """
    tag = given.get("tag")
    name, equals, value = (tag or "").partition("=")
    return LogFilter(
        since_ms=_moment("since", given.get("since")),
        until_ms=_moment("until", given.get("until")),
        provider=given.get("provider") or None,
        model=given.get("model") or None,
        key=given.get("key") or None,
        status=_status(given.get("status")),
        cache=given.get("cache") or None,
        tag=(name, value if equals else None) if name else None,
        text=given.get("text") or None,
    )


def shape(row: RowMapping) -> dict[str, Any]:
    """Return one row of the table as the API shows it."""
    return {
        "request_id": row["request_id"],
        "client_request_id": row["client_request_id"],
        "started_at": iso_time(row["started_ms"]),
        "door": row["door"],
        "tenant": row["tenant"],
        "gateway_key": row["gateway_key"] or None,
        "operation": row["operation"],
        "path": row["path"],
        "model": row["model"],
        "provider": row["provider"] or None,
        "upstream_model": row["upstream_model"] or None,
        "key": row["key_name"] or None,
        "key_id": row["key_id"] or None,
        "status": row["status"],
        "outcome": row["outcome"],
        "error": row["error"],
        "stream": bool(row["stream"]),
        "cache": row["cache"],
        "similarity": row["similarity"],
        "veto": row["veto"],
        "finish_reason": row["finish_reason"],
        "tokens": {
            "input": row["input_tokens"],
            "output": row["output_tokens"],
            "cached": row["cached_tokens"],
        },
        "latency": {
            "total_ms": _ms(row["duration_us"]),
            "ttft_ms": _ms(row["ttft_us"]),
            "per_token_ms": _per_token_ms(row),
            "overhead_ms": _ms(row["overhead_us"]),
            "queue_ms": _ms(row["queue_us"]),
            "upstream_ms": _ms(row["upstream_us"]),
        },
        "bytes": {"request": row["request_bytes"], "response": row["response_bytes"]},
        "attempts": attempts(row),
        "hooks": [_hooked(one) for one in json.loads(row["hooks"] or "[]")],
        "tags": json.loads(row["tags"]) if row["tags"] else {},
        "payloads": _payloads(row),
    }


def _hooked(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "hook": one.get("hook"),
        "stage": one.get("stage"),
        "outcome": one.get("outcome"),
        "calls": one.get("calls", 0),
        "events": one.get("events"),
        "run_ms": _ms(one.get("us", 0)),
        "queue_ms": _ms(one.get("queue_us", 0)),
        "gil_ms": _ms(one.get("gil_us", 0)),
        "error": one.get("error"),
    }


def _payloads(row: RowMapping) -> dict[str, Any]:
    return {"state": row["payload"], "stored_bytes": row["payload_bytes"]}


def iso_time(unix_ms: int) -> str:
    """Return ISO 8601 in UTC with milliseconds."""
    moment = datetime.fromtimestamp(unix_ms / 1_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _per_token_ms(row: RowMapping) -> float | None:
    """Time between output tokens of a stream: from the first token to the end, over the tokens after it."""
    tokens: int | None = row["output_tokens"]
    ttft_us: int | None = row["ttft_us"]
    if not row["stream"] or ttft_us is None or tokens is None or tokens < 2:
        return None
    rest_us: int = row["duration_us"] - ttft_us
    return round(rest_us / (tokens - 1) / 1_000, 3)


def _ms(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1_000


def _moment(name: str, text: str | None) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) >= 12:
        return int(text)
    try:
        return now_ms() - duration_ms(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # a '+' that was not percent-encoded
    except ValueError:
        raise ValueError(
            f"{name} is not a time: write 2025-01-31T12:00:00Z, unix milliseconds, or an age such as 15m"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)


def _status(text: str | None) -> int | None:
    if not text:
        return None
    if match := _CLASS.fullmatch(text):
        return int(match[1])
    if _CODE.fullmatch(text):
        return int(text)
    raise ValueError("status is not a status: write a code such as 429, or a class such as 5xx")


def _encode(row_id: int) -> str:
    return base64.urlsafe_b64encode(f"r{row_id}".encode()).decode().rstrip("=")


def _decode(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        if text.startswith("r") and text[1:].isdigit():
            return int(text[1:])
    except ValueError:
        pass
    raise ValueError("cursor is not one that a page of this log gave")
