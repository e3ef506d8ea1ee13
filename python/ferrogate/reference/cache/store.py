"""Answers in memory: the one that was used longest ago makes room, within a bound in bytes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

__all__ = ["Entry", "Store"]

_OVERHEAD = 1_000
"""Bytes that an entry takes beside its texts, about."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer, whole.

    Attributes:
        key: of the request; two equal requests have one.
        scope: what must be equal of requests that are compared by meaning.
        text: the question, where there is one.

    """

    key: bytes
    scope: bytes
    text: str
    tenant: str
    route: str
    provider: str
    model: str
    body: bytes
    content_type: str
    finish: str | None
    tokens: tuple[int, int, int] | None
    ttl_ms: int
    stored_ms: int = field(default_factory=_now_ms)

    @property
    def id(self) -> str:
        """By which people name it."""
        return self.key.hex()

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.body) + 4 * len(self.text) + _OVERHEAD

    def age_ms(self) -> int:
        """Milliseconds since it was kept."""
        return max(0, _now_ms() - self.stored_ms)


class Store:
    """Entries by key.

    Args:
        most_bytes: of all of them.
        gone: told of each that leaves.

    """

    def __init__(self, most_bytes: int, gone: Callable[[Entry], None]) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self.evictions = self.expired = self.stores = 0
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._gone = gone

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """Yield them, the one that was used last first."""
        return iter(list(reversed(self._entries.values())))

    def get(self, key: bytes, most_ms: int) -> Entry | None:
        """Return an entry that is no older than it may be, and than the caller takes."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        age = entry.age_ms()
        if age >= entry.ttl_ms:
            self.expired += 1
            self.remove(key)
            return None
        if age >= most_ms:
            return None
        self._entries.move_to_end(key)
        return entry

    def put(self, entry: Entry) -> bool:
        """Keep an entry; False where it is larger than all the room."""
        self.remove(entry.key)
        if entry.size > self.most_bytes:
            return False
        self._entries[entry.key] = entry
        self.bytes += entry.size
        self.stores += 1
        while self.bytes > self.most_bytes:
            oldest = next(iter(self._entries))
            self.evictions += 1
            self.remove(oldest)
        return True

    def remove(self, key: bytes) -> bool:
        """Take one away."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return False
        self.bytes -= entry.size
        self._gone(entry)
        return True
