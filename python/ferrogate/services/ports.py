"""What the services ask of an engine, so that no service knows which engine it has.

The compiled engine (:class:`ferrogate.engine.facade.Engine`) and the reference engine both fit these
shapes, and so does the three-line fake of a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ferrogate.engine.cache_calls import NoCache
from ferrogate.engine.snapshot import Snapshot
from ferrogate.hooks.load import HookSet

__all__ = ["CachePort", "EnginePort", "JournalPort", "OfflineEngine"]


class CachePort(Protocol):
    """The answers that an engine keeps.

    ``which`` is a filter: a mapping of ``model``, ``tenant``, ``route`` and ``text``; an empty one matches
    every entry.
    """

    def stats(self) -> dict[str, Any]:
        """Return counts; :class:`ferrogate.admin.cache_schemas.CacheStats` names the fields."""

    def page(self, limit: int, cursor: str | None, which: Mapping[str, str]) -> dict[str, Any]:
        """Return ``items`` (:class:`ferrogate.admin.cache_schemas.CacheEntry`) and ``next_cursor``.

        Raises ValueError where the cursor is none of this engine's.
        """

    def purge(self, which: Mapping[str, str]) -> int:
        """Take away all that matches; return how many."""

    def remove(self, entry_id: str) -> bool:
        """Take one away; False where there is none of that id."""

    def export(self, limit: int, cursor: str | None) -> tuple[bytes, str | None]:
        """Return about so many entries, one a line of JSON, and where to go on."""

    def take(self, lines: bytes) -> dict[str, Any]:
        """Keep exported lines; return ``kept`` and ``refused`` (``line`` and ``why`` of each)."""

    def warm(self, lines: bytes) -> dict[str, Any]:
        """Keep calls (:class:`ferrogate.admin.cache_schemas.ToldCall`); answers as ``take`` does."""


class EnginePort(Protocol):
    """The part of an engine that the control plane talks to."""

    @property
    def cache(self) -> CachePort:
        """The answers that it keeps."""

    def apply(self, snapshot: Snapshot) -> int:
        """Swap the configuration in, all or nothing; return its generation. Raises SnapshotError."""

    def install_hooks(self, hooks: HookSet) -> None:
        """Take the code of hooks, which the next snapshot names."""

    def lanes(self) -> list[dict[str, Any]]:
        """Every lane as it stands; :class:`ferrogate.admin.lane_schemas.Lane` names the fields.

        What an engine does not know may be missing.
        """

    def metrics(self) -> str:
        """Prometheus text."""

    def status(self) -> dict[str, Any]:
        """Return generation, requests in flight, draining, journal counters."""


class JournalPort(Protocol):
    """Where request records wait until they are in the database."""

    def journal_read(self, segment: int, offset: int, max_rows: int) -> tuple[int, list[Any], int, int]:
        """Return up to ``max_rows`` rows after a position: (rows, values in one flat list, segment, offset).

        The values come in the order of :data:`ferrogate.store.tables.REQUEST_COLUMNS`. Waits for nothing.
        Asking again from the same position gives the same rows; asking from a later one says that what lies
        before it is safe. A position that this journal does not know stands for its beginning.
        """

    def journal_release(self, segment: int) -> int:
        """Drop what lies before ``segment``; returns how many segments went."""


class OfflineEngine:
    """Stands in where no gateway runs: the command line works on the data folder alone.

    A snapshot is still compiled, so what the configuration cannot express is refused here as it would be
    there.
    """

    def __init__(self) -> None:
        self.cache: CachePort = NoCache()

    def apply(self, snapshot: Snapshot) -> int:
        """Accept: compiling it was the check."""
        del snapshot
        return 0

    def install_hooks(self, hooks: HookSet) -> None:
        """No engine, no requests."""

    def lanes(self) -> list[dict[str, Any]]:
        """No engine, no lanes."""
        return []

    def metrics(self) -> str:
        """Nothing was counted."""
        return ""

    def status(self) -> dict[str, Any]:
        """No engine runs."""
        return {}
