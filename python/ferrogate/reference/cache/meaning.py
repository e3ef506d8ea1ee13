"""Questions that mean the same: vectors by hnswlib, one index a scope, made on a thread of their own."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from ferrogate.engine.semantic import Embedder, asked
from ferrogate.reference.cache.store import Entry
from ferrogate.reference.guard import judge

__all__ = ["Looked", "Meaning", "has_hnswlib"]

_WIDTH: Final = 384
_CANDIDATES: Final = 4
_PATIENCE: Final = 0.25
"""Seconds that a lookup may take."""
_LONGEST: Final = 4096
"""Bytes of a text that is longer than any that the model reads."""
_SCOPES: Final = 4096
_SCANNED: Final = 1_000
"""So many questions are scanned: some tenths of a millisecond."""


def has_hnswlib() -> bool:
    """Whether the index can be had: ``pip install 'ferrogate[python-engine]'``."""
    return importlib.util.find_spec("hnswlib") is not None


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found: an entry, how near the nearest question is, and why it is not served."""

    entry: Entry | None = None
    similarity: float | None = None
    veto: str | None = None


class _Scope:
    """The questions of one scope: a scan while they are few, which misses nothing, then a graph.

    Questions of one pattern ("... number 17") lie so close to each other that hnswlib leaves some of them
    without a way in: of 200 such texts it found 135, whatever ``ef`` was.
    """

    def __init__(self) -> None:
        self._vectors: dict[bytes, Any] = {}
        self._rows: tuple[list[bytes], Any] | None = None
        self._graph: _Graph | None = None

    def __len__(self) -> int:
        return len(self._vectors)

    def __contains__(self, key: bytes) -> bool:
        return key in self._vectors

    def put(self, key: bytes, vector: Any) -> None:
        self._vectors[key] = vector
        self._rows = None
        if self._graph is not None:
            self._graph.put(key, vector)
        elif len(self._vectors) > _SCANNED:
            self._graph = _Graph()
            for known, made in self._vectors.items():
                self._graph.put(known, made)

    def remove(self, key: bytes) -> None:
        if self._vectors.pop(key, None) is not None:
            self._rows = None
            if self._graph is not None:
                self._graph.remove(key)

    def nearest(self, vector: Any) -> list[tuple[bytes, float]]:
        most = min(_CANDIDATES, len(self._vectors))
        if most == 0:
            return []
        if self._graph is not None:
            return self._graph.nearest(vector, most)
        import numpy as np

        if self._rows is None:
            self._rows = (list(self._vectors), np.stack(list(self._vectors.values())))
        keys, matrix = self._rows
        cosines = matrix @ vector
        best = np.argsort(-cosines)[:most]
        return [(keys[row], float(cosines[row])) for row in best]


class _Graph:
    """Nearest vectors by hnswlib."""

    def __init__(self) -> None:
        import hnswlib

        self._index: Any = hnswlib.Index(space="cosine", dim=_WIDTH)
        self._room = 2 * _SCANNED
        self._index.init_index(self._room, ef_construction=200, M=16, allow_replace_deleted=True)
        self._index.set_ef(100)
        self._numbers: dict[bytes, int] = {}
        self._keys: dict[int, bytes] = {}
        self._next = 0

    def put(self, key: bytes, vector: Any) -> None:
        self.remove(key)
        if len(self._numbers) >= self._room:
            self._room *= 2
            self._index.resize_index(self._room)
        number, self._next = self._next, self._next + 1
        self._index.add_items(vector, [number], num_threads=1, replace_deleted=True)
        self._numbers[key], self._keys[number] = number, key

    def remove(self, key: bytes) -> None:
        number = self._numbers.pop(key, None)
        if number is not None:
            del self._keys[number]
            self._index.mark_deleted(number)

    def nearest(self, vector: Any, most: int) -> list[tuple[bytes, float]]:
        labels, distances = self._index.knn_query(vector, k=most, num_threads=1)
        pairs = zip(labels[0], distances[0], strict=True)
        return [(self._keys[int(label)], 1.0 - float(distance)) for label, distance in pairs]


class Meaning:
    """Looks for questions of one meaning.

    Args:
        embedder: makes the vectors.
        queue: texts that wait for it; a request beyond them is a miss.

    """

    def __init__(self, embedder: Embedder, queue: int) -> None:
        self._embedder = embedder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ferrogate-embed")
        self._waiting = 0
        self._queue = queue
        self._scopes: dict[bytes, _Scope] = {}
        self.hits = self.far = self.vetoed = self.busy = self.late = self.too_long = 0

    @property
    def model(self) -> str:
        """Model and hash."""
        return self._embedder.id

    @property
    def vectors(self) -> int:
        """How many there are."""
        return sum(map(len, self._scopes.values()))

    async def embed(self, text: str) -> Any | str:
        """Return the vector of a text, or why there is none: ``busy`` or ``too_long``."""
        if len(text.encode()) > _LONGEST:
            return "too_long"
        if self._waiting >= self._queue:
            return "busy"
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            made = await loop.run_in_executor(self._thread, lambda: self._embedder.embed([asked(text)])[0])
        finally:
            self._waiting -= 1
        if made is None:
            return "too_long"
        import numpy as np

        return np.frombuffer(made, dtype="<f4")

    async def look(
        self, scope: bytes, text: str, threshold: float, fresh: Callable[[bytes], Entry | None]
    ) -> tuple[Looked, Any]:
        """Return what was found for a question, and its vector, where it was made.

        Args:
            scope: of the request.
            text: the question.
            threshold: the cosine that is enough.
            fresh: returns the entry of a key, where it may be served.

        """
        try:
            async with asyncio.timeout(_PATIENCE):
                vector = await self.embed(text)
        except TimeoutError:
            vector = "late"
        if isinstance(vector, str):
            setattr(self, vector, getattr(self, vector) + 1)
            return Looked(veto=vector), None
        questions = self._scopes.get(scope)
        candidates = [] if questions is None or not vector.any() else questions.nearest(vector)
        nearest = candidates[0][1] if candidates else None
        veto: str | None = None
        for key, similarity in candidates:
            entry = fresh(key) if similarity >= threshold else None
            if entry is None:
                continue
            rule = judge(text, entry.text)
            if rule is None:
                self.hits += 1
                return Looked(entry, similarity), vector
            veto = veto or rule.value
        if veto is None:
            self.far += 1
        else:
            self.vetoed += 1
        return Looked(None, nearest, veto), vector

    def learn(self, entry: Entry, vector: Any) -> None:
        """Keep a question that has an answer now."""
        if not vector.any() or (len(self._scopes) >= _SCOPES and entry.scope not in self._scopes):
            return
        self._scopes.setdefault(entry.scope, _Scope()).put(entry.key, vector)

    def forget(self, entry: Entry) -> None:
        """Its answer is gone."""
        questions = self._scopes.get(entry.scope)
        if questions is not None:
            questions.remove(entry.key)
            if not len(questions):
                del self._scopes[entry.scope]

    def knows(self, entry: Entry) -> bool:
        """Whether its question can be found."""
        questions = self._scopes.get(entry.scope)
        return questions is not None and entry.key in questions

    def counts(self) -> dict[str, int]:
        """Return lookups by what came of them."""
        return {
            "hit": self.hits,
            "far": self.far,
            "vetoed": self.vetoed,
            "busy": self.busy,
            "late": self.late,
            "too_long": self.too_long,
        }

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def stats(self) -> dict[str, Any]:
        """Return what was counted."""
        counts = self.counts()
        counts["hits"] = counts.pop("hit")
        return {
            "entries": self.vectors,
            "vector_bytes": 4 * _WIDTH * self.vectors,
            **counts,
            "verified": [],
        }
