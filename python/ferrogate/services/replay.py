"""A log replayed on caches that were not there: what each threshold would have served, and what that spares.

The keys, the embedder, the index and the guard are the engine's own. Each threshold has a cache of its own,
because a request that is served stores nothing, so what is kept later depends on it. What the log does not
tell is left out: headers that turn on other answers, memory, and calls that were under way at one time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ferrogate.engine.semantic import Embedder, Neighbours, RequestKey, asked, judge, request_key

__all__ = ["Lookalike", "Replayed", "Request", "Settings", "Tally", "replay"]

_CANDIDATES: Final = 4
"""How many neighbours the engine asks the guard about."""
_BATCH: Final = 32
_ENDED: Final = frozenset(("stop", "end_turn", "stop_sequence", "completed"))


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a log, with what its answer cost. ``body`` is None where it was not kept whole."""

    at_ms: int
    tenant: str
    path: str
    body: bytes | None
    status: int
    finish_reason: str | None
    input_tokens: int
    output_tokens: int

    @property
    def kept(self) -> bool:
        """Whether its answer could be served again."""
        return self.status == 200 and self.finish_reason in _ENDED


@dataclass(frozen=True, slots=True)
class Settings:
    """What the caches would have been told; thresholds are cosines."""

    thresholds: tuple[float, ...] = (0.75, 0.80, 0.85, 0.90)
    ttl_ms: int = 3_600_000
    ignored: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """What one cache served."""

    exact: int = 0
    semantic: int = 0
    vetoed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def save(self, request: Request) -> None:
        """Count what a request did not cost."""
        self.input_tokens += request.input_tokens
        self.output_tokens += request.output_tokens


class Lookalike(NamedTuple):
    """Two questions of one scope that a cache took to be near; ``veto`` is the rule that forbade it."""

    cosine: float
    asked: str
    kept: str
    veto: str | None


@dataclass(slots=True)
class Replayed:
    """What came of it: ``skipped`` says why requests took no part, ``only_exact`` is without meaning."""

    model: str
    requests: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    only_exact: Tally = field(default_factory=Tally)
    tallies: dict[float, Tally] = field(default_factory=dict)
    served: dict[tuple[str, str], Lookalike] = field(default_factory=dict)
    vetoed: dict[tuple[str, str], Lookalike] = field(default_factory=dict)


class _Known(NamedTuple):
    request: Request
    named: RequestKey
    vector: bytes | None


class _Cache:
    """What would have been kept at one threshold; without one, equal requests only."""

    def __init__(self, threshold: float | None, ttl_ms: int, told: Replayed) -> None:
        self._threshold, self._ttl, self._told = threshold, ttl_ms, told
        self._stored: dict[bytes, int] = {}
        self._entries: list[_Known] = []
        self._near = Neighbours()
        self.tally = Tally()

    def take(self, known: _Known) -> None:
        """Serve a request, or keep its answer."""
        now = known.request.at_ms
        stored = self._stored.get(known.named.key)
        if stored is not None and now - stored <= self._ttl:
            self.tally.exact += 1
        elif self._find(known):
            self.tally.semantic += 1
        else:
            self._keep(known)
            return
        self.tally.save(known.request)

    def _find(self, known: _Known) -> bool:
        if self._threshold is None or known.vector is None:
            return False
        forbidden = False
        for number, cosine in self._near.search(known.named.scope, known.vector, _CANDIDATES):
            entry = self._entries[number]
            if known.request.at_ms - entry.request.at_ms > self._ttl:
                self._near.remove(known.named.scope, number)
                continue
            if cosine < self._threshold:
                break
            if self._passes(known.named.text or "", entry.named.text or "", cosine):
                return True
            forbidden = True
        self.tally.vetoed += forbidden
        return False

    def _passes(self, text: str, kept: str, cosine: float) -> bool:
        veto = judge(text, kept)
        seen = self._told.served if veto is None else self._told.vetoed
        seen.setdefault((text, kept), Lookalike(cosine, text, kept, veto))
        return veto is None

    def _keep(self, known: _Known) -> None:
        if not known.request.kept:
            return
        self._stored[known.named.key] = known.request.at_ms
        if known.vector is not None and any(known.vector):
            self._near.insert(known.named.scope, len(self._entries), known.vector)
            self._entries.append(known)


def replay(
    requests: Sequence[Request],
    embedder: Embedder,
    settings: Settings,
    progress: Callable[[int, int], None],
) -> Replayed:
    """Replay requests in the order of their time; ``progress`` hears of texts embedded and texts in all.

    Raises:
        EngineError: a member is to be ignored that must count.

    """
    told = Replayed(embedder.id, requests=len(requests))
    taken = _named(sorted(requests, key=lambda request: request.at_ms), settings, told)
    vectors = _vectors([named.text for _, named in taken if named.text], embedder, progress)
    caches = [_Cache(threshold, settings.ttl_ms, told) for threshold in (None, *settings.thresholds)]
    for request, named in taken:
        known = _Known(request, named, vectors.get(named.text or ""))
        for cache in caches:
            cache.take(known)
    told.only_exact = caches[0].tally
    told.tallies = dict(zip(settings.thresholds, (cache.tally for cache in caches[1:]), strict=True))
    return told


def _named(
    requests: Sequence[Request], settings: Settings, told: Replayed
) -> list[tuple[Request, RequestKey]]:
    found = []
    for request in requests:
        named = _name(request, settings)
        if isinstance(named, str):
            told.skipped[named] += 1
        else:
            found.append((request, named))
    return found


def _name(request: Request, settings: Settings) -> RequestKey | str:
    if request.body is None:
        return "no body in the log"
    return request_key(request.body, tenant=request.tenant, path=request.path, ignored=settings.ignored)


def _vectors(
    texts: Sequence[str], embedder: Embedder, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Embed each text once; one that is too long has no vector."""
    distinct = list(dict.fromkeys(texts))
    vectors: dict[str, Any] = {}
    for at in range(0, len(distinct), _BATCH):
        part = distinct[at : at + _BATCH]
        vectors.update(zip(part, embedder.embed([asked(text) for text in part]), strict=True))
        progress(len(vectors), len(distinct))
    return vectors
