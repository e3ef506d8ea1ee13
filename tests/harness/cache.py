"""Kept answers as an engine describes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["FakeCache", "entry"]


def entry(number: int = 1, **known: Any) -> dict[str, Any]:
    """Return one entry, with an id that begins with its number."""
    asked = {"tenant": "local", "model": "gpt-4o-mini", "route": "chat", "operation": "chat.completions"}
    answered = {"provider": "openai", "status": 200, "stream": False, "bytes": 1_400}
    used = {"tokens": {"input": 12, "output": 40}, "hits": 3, "age_s": 12.5, "ttl_s": 300.0}
    named = {"id": f"{number:04d}{'a' * 60}", "kind": "exact", "preview": f"question {number}"}
    return {**named, **asked, **answered, **used, **known}


class FakeCache:
    """Keeps entries in a list; a cursor is the place of the next one."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.entries = list(entries)
        self.warmed: list[dict[str, Any]] = []

    def stats(self) -> dict[str, Any]:
        counted = {"hits": 30, "misses": 10, "joined": 2, "stores": 8, "evictions": 1, "expired": 4}
        held = {"entries": len(self.entries), "bytes": 1_400 * len(self.entries), "max_bytes": 256 * 10**6}
        rest = {"semantic": None, "disk": None}
        return {**held, **counted, "tokens_saved": {"input": 384, "output": 1_280}, **rest}

    def page(self, limit: int, cursor: str | None, which: Mapping[str, str]) -> dict[str, Any]:
        if cursor is not None and not cursor.isdigit():
            raise ValueError("this is no cursor")
        start = int(cursor or 0)
        found = [item for item in self.entries if matches(item, which)]
        more = start + limit < len(found)
        return {
            "items": found[start : start + limit],
            "next_cursor": str(start + limit) if more else None,
        }

    def export(self, limit: int, cursor: str | None) -> tuple[bytes, str | None]:
        page = self.page(limit, cursor, {})
        return b"".join(json.dumps(item).encode() + b"\n" for item in page["items"]), page["next_cursor"]

    def take(self, lines: bytes) -> dict[str, Any]:
        """Keep what has an id; the rest is refused."""
        kept, refused = 0, []
        for number, line in enumerate(lines.splitlines(), 1):
            item = json.loads(line)
            if "id" in item:
                self.entries.append(item)
                kept += 1
            else:
                refused.append({"line": number, "why": "not an entry"})
        return {"kept": kept, "refused": refused}

    def warm(self, lines: bytes) -> dict[str, Any]:
        self.warmed = [json.loads(line) for line in lines.splitlines()]
        return {"kept": len(self.warmed), "refused": []}

    def purge(self, which: Mapping[str, str]) -> int:
        before = len(self.entries)
        self.entries = [item for item in self.entries if not matches(item, which)]
        return before - len(self.entries)

    def remove(self, entry_id: str) -> bool:
        before = len(self.entries)
        self.entries = [item for item in self.entries if item["id"] != entry_id]
        return len(self.entries) < before


def matches(item: dict[str, Any], which: Mapping[str, str]) -> bool:
    exact = {name: value for name, value in which.items() if name != "text"}
    return which.get("text", "") in item["preview"] and all(
        item[name] == said for name, said in exact.items()
    )
