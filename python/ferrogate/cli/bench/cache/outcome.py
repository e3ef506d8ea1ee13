"""What becomes of pairs: which are near enough, and which of those the guard lets through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ferrogate.cli.bench.cache.pairs import Pair
from ferrogate.engine.semantic import Embedder, asked, cosine, judge

__all__ = ["PROFILES", "Judged", "Row", "judged_pairs", "rows", "totals"]

PROFILES: Final = {"precise": 0.80, "recall": 0.75}
_BATCH: Final = 32
_UNRELATED: Final = "unrelated"
"""Pairs of this kind are in no total: a file could hold any number of them, and nobody serves them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair, the cosine of its texts (None where one is too long) and the rule that forbids to serve it."""

    pair: Pair
    cosine: float | None
    veto: str | None

    def near(self, threshold: float) -> bool:
        """Whether the guard is asked at all."""
        return self.cosine is not None and self.cosine >= threshold

    def served(self, threshold: float) -> bool:
        """Whether one text would get the other's answer."""
        return self.near(threshold) and self.veto is None


@dataclass(slots=True)
class Row:
    """Counts of one kind with one label."""

    kind: str
    label: int
    pairs: int = 0
    near: int = 0
    served: int = 0
    vetoes: Counter[str] = field(default_factory=Counter)

    def add(self, one: Judged, threshold: float) -> None:
        """Count a pair."""
        self.pairs += 1
        if one.near(threshold):
            self.near += 1
            self.served += one.veto is None
            self.vetoes.update([one.veto] if one.veto else [])


def judged_pairs(
    pairs: Sequence[Pair], embedder: Embedder, progress: Callable[[int, int], None]
) -> list[Judged]:
    """Embed both texts of each pair and ask the guard; a text that stands there twice is embedded once."""
    texts = list(dict.fromkeys(asked(text) for pair in pairs for text in (pair.a, pair.b)))
    vectors: dict[str, bytes | None] = {}
    for at in range(0, len(texts), _BATCH):
        part = texts[at : at + _BATCH]
        vectors.update(zip(part, embedder.embed(part), strict=True))
        progress(len(vectors), len(texts))

    def near(pair: Pair) -> float | None:
        one, two = vectors[asked(pair.a)], vectors[asked(pair.b)]
        return None if one is None or two is None else cosine(one, two)

    return [Judged(pair, near(pair), judge(pair.a, pair.b)) for pair in pairs]


def rows(judged: Sequence[Judged], threshold: float) -> list[Row]:
    """Count by kind and label: paraphrases first, each kind in the order of the file."""
    found: dict[tuple[str, int], Row] = {}
    for one in judged:
        kind = one.pair.kind, one.pair.label
        found.setdefault(kind, Row(*kind)).add(one, threshold)
    return sorted(found.values(), key=lambda row: -row.label)


def totals(found: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Sum paraphrases and hard negatives, with what is served of each in percent."""
    parts = {
        "paraphrases": [row for row in found if row.label],
        "hard_negatives": [row for row in found if not row.label and row.kind != _UNRELATED],
        "unrelated": [row for row in found if not row.label and row.kind == _UNRELATED],
    }
    return {name: dict(_sum(part)) for name, part in parts.items() if part}


def _sum(part: Sequence[Row]) -> Iterator[tuple[str, Any]]:
    pairs = sum(row.pairs for row in part)
    for name in ("pairs", "near", "served"):
        yield name, sum(getattr(row, name) for row in part)
    yield "near_percent", round(100 * sum(row.near for row in part) / pairs, 2)
    yield "served_percent", round(100 * sum(row.served for row in part) / pairs, 2)
    yield "vetoes", dict(sum((row.vetoes for row in part), Counter[str]()).most_common())
