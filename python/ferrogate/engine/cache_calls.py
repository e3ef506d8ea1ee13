"""What is asked of the answers that an engine keeps: counts, pages of entries, taking away.

The compiled engine speaks JSON here. A filter is a mapping of ``model``, ``tenant``, ``route`` (each as it
is) and ``text`` (found in what was asked); without any, every entry matches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import orjson

from ferrogate.errors import EngineError

__all__ = ["CacheCalls", "NoCache"]

Filter = Mapping[str, str]


class NoCache:
    """Stands in where an engine keeps no answers."""

    def stats(self) -> dict[str, Any]:
        """Nothing was counted."""
        counts = (
            "entries",
            "bytes",
            "max_bytes",
            "hits",
            "misses",
            "joined",
            "stores",
            "evictions",
            "expired",
        )
        return {**dict.fromkeys(counts, 0), "tokens_saved": {"input": 0, "output": 0}, "semantic": None}

    def page(self, limit: int, cursor: str | None, which: Filter) -> dict[str, Any]:
        """No entries."""
        del limit, cursor, which
        return {"items": [], "next_cursor": None}

    def purge(self, which: Filter) -> int:
        """Nothing to take away."""
        del which
        return 0

    def remove(self, entry_id: str) -> bool:
        """There is none of that id."""
        del entry_id
        return False

    def export(self, limit: int, cursor: str | None) -> tuple[bytes, str | None]:
        """No lines."""
        del limit, cursor
        return b"", None

    def take(self, lines: bytes) -> dict[str, Any]:
        """Refuse every line."""
        why = "this engine keeps no answers"
        numbered = enumerate(lines.split(b"\n"), 1)
        return {"kept": 0, "refused": [{"line": at, "why": why} for at, line in numbered if line.strip()]}

    def warm(self, lines: bytes) -> dict[str, Any]:
        """Refuse every line."""
        return self.take(lines)


class CacheCalls:
    """The cache of the compiled engine; fits ``services.ports.CachePort``.

    Args:
        asked: yields the engine, mapping its errors.

    """

    def __init__(self, asked: Callable[[], AbstractContextManager[Any]]) -> None:
        self._asked = asked

    def stats(self) -> dict[str, Any]:
        """Return what was counted since the start, and what is there now."""
        with self._asked() as engine:
            return dict(orjson.loads(engine.cache_stats()))

    def page(self, limit: int, cursor: str | None, which: Filter) -> dict[str, Any]:
        """Return ``items`` and ``next_cursor``. Raises ValueError where the cursor is none."""
        wanted = orjson.dumps(dict(which)).decode()
        try:
            with self._asked() as engine:
                return dict(orjson.loads(engine.cache_list(limit, cursor, wanted)))
        except EngineError as error:
            if isinstance(error.__cause__, ValueError):
                raise ValueError(str(error)) from error
            raise

    def purge(self, which: Filter) -> int:
        """Take away all that matches; return how many."""
        with self._asked() as engine:
            return int(engine.cache_purge(orjson.dumps(dict(which)).decode()))

    def remove(self, entry_id: str) -> bool:
        """Take one away; False where there is none of that id."""
        with self._asked() as engine:
            return bool(engine.cache_remove(entry_id))

    def export(self, limit: int, cursor: str | None) -> tuple[bytes, str | None]:
        """Return about so many entries, one a line, and where to go on."""
        with self._asked() as engine:
            lines, following = engine.cache_export(limit, cursor)
        return bytes(lines), following

    def take(self, lines: bytes) -> dict[str, Any]:
        """Keep exported lines; return ``kept`` and ``refused``. Waits for the embedder: for no event loop."""
        with self._asked() as engine:
            return dict(orjson.loads(engine.cache_import(lines)))

    def warm(self, lines: bytes) -> dict[str, Any]:
        """Keep what was asked and answered before, as :meth:`take` does."""
        with self._asked() as engine:
            return dict(orjson.loads(engine.cache_warm(lines)))
