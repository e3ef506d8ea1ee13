"""Requests with their bodies: from the request log, or from a file of its lines."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ferrogate.cli.control import Control, RefusedError
from ferrogate.services.replay import Request

__all__ = ["from_file", "from_log", "told_calls"]

_PAGE = 500


Tell = Callable[[int, int], None]


def from_log(control: Control, asked: Mapping[str, str], most: int, progress: Tell) -> list[Request]:
    """Read the newest requests that match, and the body of each from the folder of payloads.

    Raises:
        RefusedError: the gateway refuses a filter.

    """
    rows = _rows(control, asked, most)
    requests = []
    for done, row in enumerate(rows, start=1):
        requests.append(_request(row, _body(control, row)))
        progress(done, len(rows))
    return requests


def told_calls(
    control: Control, asked: Mapping[str, str], most: int, progress: Tell
) -> tuple[list[dict[str, Any]], int]:
    """Read the newest requests that match, both bodies of each, and count those without whole ones.

    The oldest is the first, so that a newer answer takes the place of an older one.

    Raises:
        RefusedError: the gateway refuses a filter.

    """
    rows = _rows(control, asked, most)
    calls: list[dict[str, Any]] = []
    for done, row in enumerate(reversed(rows), start=1):
        progress(done, len(rows))
        # What came out of the cache is in it, what went around it was not to be kept, and calls of the
        # gateway's own were no client's. Headers that hooks set are part of what was asked, and not logged.
        if row["door"] == "gateway" or row["cache"] not in ("miss", "off") or row["hooks"]:
            continue
        bodies = _payloads(control, row)
        texts = [_text(bodies.get(which)) for which in ("request", "response")]
        calls.append(_told(row, texts) if all(texts) else {})
    return [call for call in calls if call], calls.count({})


def _told(row: Mapping[str, Any], texts: list[str | None]) -> dict[str, Any]:
    return {
        "tenant": row["tenant"],
        "path": row["path"],
        "request": texts[0],
        "response": texts[1],
        "provider": row["provider"] or "",
        "upstream_model": row["upstream_model"] or "",
        "stored_at_ms": round(datetime.fromisoformat(row["started_at"]).timestamp() * 1000),
    }


def _rows(control: Control, asked: Mapping[str, str], most: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while len(rows) < most:
        limit = min(_PAGE, most - len(rows))
        page = control.call("GET", "logs", query={**asked, **cursor, "limit": limit})
        rows += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    return rows


def _payloads(control: Control, row: Mapping[str, Any]) -> Mapping[str, Any]:
    if row["payloads"]["state"] not in ("kept", "truncated"):
        return {}
    return dict(control.call("GET", f"logs/{row['request_id']}/payloads"))


def _text(kept: Mapping[str, Any] | None) -> str | None:
    """A body as text; None where it is not there whole."""
    if kept is None or kept["truncated"] or kept["shed"] or kept["content_encoding"]:
        return None
    return kept["text"] or None


def _body(control: Control, row: Mapping[str, Any]) -> bytes | None:
    """Return a request's body; None where it is not there whole."""
    kept = _payloads(control, row).get("request")
    if kept is None or kept["truncated"] or kept["shed"] or kept["content_encoding"]:
        return None
    return kept["text"].encode() if kept["text"] is not None else base64.b64decode(kept["base64"] or "")


def from_file(path: Path) -> list[Request]:
    """Read lines of JSON: an entry as ``gateway logs --json`` prints it, with ``request``, the body.

    Raises:
        RefusedError: it cannot be read, or a line is something else.

    """
    try:
        return list(_lines(path, path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"{path} cannot be read: {error}") from error


def _lines(path: Path, text: str) -> Iterator[Request]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            body = row.get("request")
            yield _request(row, None if body is None else json.dumps(body).encode())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise RefusedError(f"{path}, line {number}: {reason}; {_SHAPE}") from error


_SHAPE = "a line is an entry of `gateway logs --json` with the body as `request`"


def _request(row: Mapping[str, Any], body: bytes | None) -> Request:
    tokens = row.get("tokens") or {}
    return Request(
        at_ms=round(datetime.fromisoformat(row["started_at"]).timestamp() * 1000),
        tenant=row.get("tenant", ""),
        path=row["path"],
        body=body,
        status=row.get("status", 200),
        finish_reason=row.get("finish_reason", "stop"),
        input_tokens=tokens.get("input") or 0,
        output_tokens=tokens.get("output") or 0,
    )
