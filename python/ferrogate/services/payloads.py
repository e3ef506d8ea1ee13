"""The bodies of a request, as the engine kept them beside the log.

Rust writes and packs them; this reads one request's back. They are there for as long as ``log`` says, so a
row may outlive its bodies.
"""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping

from ferrogate.services.log_rows import log_row
from ferrogate.store import Store

__all__ = ["PayloadReader", "PayloadsService", "StoredPayload"]

_GONE = "gone"
_utf8 = codecs.getincrementaldecoder("utf-8")


@dataclass(frozen=True, slots=True)
class StoredPayload:
    """Both bodies as they were read back, and what is known of each.

    ``request_about`` and ``response_about`` hold bytes, media, coding, truncated and shed.
    """

    request_about: dict[str, Any]
    response_about: dict[str, Any]
    request: bytes
    response: bytes


PayloadReader = Callable[[int, int, int, str], StoredPayload | None]
"""Segment, offset, length and request id to what is there; None where it is not there any more."""


class PayloadsService:
    """Reads bodies."""

    def __init__(self, store: Store, reader: PayloadReader) -> None:
        self._store = store
        self._reader = reader

    def get(self, request_id: str) -> dict[str, Any]:
        """Return both bodies of a request, by the gateway's id or the client's own. Raises NotFoundError."""
        row = log_row(self._store, request_id)
        found = self._read(row)
        return {
            "request_id": row["request_id"],
            "state": self._state(row, found),
            "request": None if found is None else _shape(found.request_about, found.request),
            "response": None if found is None else _shape(found.response_about, found.response),
        }

    def state(self, row: RowMapping) -> str:
        """Return what became of a row's bodies, with a look whether they are still there."""
        return self._state(row, self._read(row))

    def _state(self, row: RowMapping, found: StoredPayload | None) -> str:
        state: str = row["payload"]
        return _GONE if row["payload_bytes"] and found is None else state

    def _read(self, row: RowMapping) -> StoredPayload | None:
        if not row["payload_bytes"]:
            return None
        return self._reader(
            row["payload_segment"], row["payload_offset"], row["payload_bytes"], row["request_id"]
        )


def _shape(about: dict[str, Any], body: bytes) -> dict[str, Any] | None:
    """Return a body as text where it is text, else in base64; None where there was none."""
    if not body and not about["shed"]:
        return None
    text = None if about["coding"] else _text(body, cut=about["truncated"])
    return {
        "media_type": about["media"] or None,
        "content_encoding": about["coding"] or None,
        "bytes": len(body),
        "truncated": about["truncated"],
        "shed": about["shed"],
        "text": text,
        "base64": base64.b64encode(body).decode() if text is None else None,
    }


def _text(body: bytes, *, cut: bool) -> str | None:
    """Return UTF-8; what was cut in the middle of a character loses that one."""
    try:
        return _utf8().decode(body, final=not cut)
    except UnicodeDecodeError:
        return None
