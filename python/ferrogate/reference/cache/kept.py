"""What the Python engine keeps: found for a request, put away behind it, shown by the admin API."""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from ferrogate.engine.cache_calls import Filter, NoCache
from ferrogate.engine.semantic import (
    Ask,
    Embedder,
    answer_events,
    answer_facts,
    answer_whole,
    cache_ask,
    request_key,
)
from ferrogate.engine.snapshot import Cache, Exact, Snapshot
from ferrogate.errors import EngineError
from ferrogate.reference.cache.flights import Flight, Flights
from ferrogate.reference.cache.meaning import Meaning, has_hnswlib
from ferrogate.reference.cache.store import Entry, Store
from ferrogate.reference.errors import RequestError

__all__ = ["KeptAnswers", "Named", "Served"]

logger = logging.getLogger(__name__)

_BESIDE: Final = ("openai-beta", "anthropic-beta")
_PRECISE: Final = 0.80
_PREVIEW: Final = 160
_FOR_EVER: Final = 2**63
_ASKED_FOR: Final = Cache(exact=Exact(enabled=True))
"""What a client gets that asks for it where the route keeps nothing."""
_BY_HEADER: Final = frozenset({"exact", "semantic", "refresh"})


@dataclass(slots=True)
class Named:
    """Under which name a request's answer is kept, and what may be done for it."""

    key: bytes
    scope: bytes
    text: str
    tenant: str
    route: str
    path: str
    stream: bool
    usage: bool
    ask: Ask
    rules: Cache
    threshold: float | None
    vector: Any = None

    @property
    def may_share(self) -> bool:
        """Who wants nothing by meaning, or nothing old, must not ride with one who gets it."""
        takes_all = self.ask.semantic and self.ask.max_age >= _FOR_EVER
        exact = self.rules.exact
        return exact.enabled and exact.coalesce and (self.threshold is None or takes_all)


@dataclass(frozen=True, slots=True)
class Served:
    """A kept answer as the client asked for it."""

    entry: Entry
    body: bytes
    content_type: str
    how: str
    similarity: float | None = None


class KeptAnswers:
    """All kept answers of one engine; fits ``services.ports.CachePort``."""

    def __init__(self) -> None:
        self._store = Store(0, self._gone)
        self._flights = Flights()
        self._meaning: Meaning | None = None
        self._embedder: Any = None
        self._rules: dict[str, Cache] = {}
        self._default = Cache()
        self._hits = self._misses = self._joined = 0
        self._saved = [0, 0]
        self._served: dict[bytes, int] = {}

    def settle(self, snapshot: Snapshot) -> None:
        """Take the settings of a snapshot; what is kept stays, but for vectors of another model."""
        self._store.most_bytes = snapshot.cache_bytes
        self._default = snapshot.cache
        self._rules = {alias.name: alias.cache for alias in snapshot.aliases if alias.cache is not None}
        wanted = snapshot.embedder
        if wanted == self._embedder:
            return
        self._embedder = wanted
        if self._meaning is not None:
            self._meaning.close()
            self._meaning = None
        if wanted is None or not has_hnswlib():
            return
        try:
            if wanted.model == "hashed":
                self._meaning = Meaning(Embedder.hashed(), wanted.queue)
            elif isinstance(wanted.model, dict) and "minilm" in wanted.model:
                self._meaning = Meaning(Embedder(Path(wanted.model["minilm"])), wanted.queue)
        except EngineError as error:
            logger.warning("questions are not compared by meaning: %s", error)

    def close(self) -> None:
        """End the embedder's thread."""
        if self._meaning is not None:
            self._meaning.close()

    def name(
        self,
        body: bytes,
        *,
        tenant: str,
        path: str,
        model: str,
        stream: bool,
        headers: Mapping[str, str],
        added: Sequence[tuple[str, str]] = (),
        is_plain: bool,
    ) -> Named | str:
        """Return the name of a request's answer; or ``off`` or ``bypass``, where it has none.

        Args:
            body: of the request.
            tenant: whose it is.
            path: as it was called.
            model: as it was asked for.
            stream: whether a stream was asked for.
            headers: the client's.
            added: what hooks set beside.
            is_plain: it names no lanes by itself.

        Raises:
            RequestError: ``x-gateway-cache`` holds none of its words.

        """
        wish = headers.get("x-gateway-cache", "").strip() or None
        rules = self._rules.get(model, self._default)
        asks = wish is not None and wish.lower() in _BY_HEADER
        enabled = rules.exact.enabled or rules.semantic.enabled
        if asks and not enabled:
            rules = _ASKED_FOR
        threshold = rules.semantic.threshold if rules.semantic.enabled else None
        if threshold is None and wish is not None and wish.lower() == "semantic":
            threshold = _PRECISE
        control = headers.get("cache-control")
        try:
            ask = cache_ask(
                exact=True,
                semantic=threshold is not None,
                wish=wish,
                control=[] if control is None else [control.encode("latin-1")],
            )
        except EngineError:
            raise RequestError(
                "invalid_request",
                "The header x-gateway-cache must hold off, exact, semantic or refresh.",
                param="x-gateway-cache",
            ) from None
        if not (enabled or asks):
            return "off"
        if ask.is_off or not is_plain:
            return "bypass"
        beside = [headers.get(name, "") for name in _BESIDE]
        beside += ["".join(sorted(f"{name}: {value}\n" for name, value in added))] if added else []
        known = request_key(body, tenant=tenant, path=path, ignored=rules.exact.ignore, beside=beside)
        if isinstance(known, str):
            return "bypass"
        text = known.text or ""
        is_meant = threshold is not None and self._meaning is not None and text != ""
        options = orjson.loads(body).get("stream_options") if stream else None
        return Named(
            known.key,
            known.scope,
            text,
            tenant,
            model,
            path,
            stream,
            bool(isinstance(options, dict) and options.get("include_usage")),
            ask,
            rules,
            threshold if is_meant else None,
        )

    def find(self, named: Named) -> Served | None:
        """Return the answer to an equal request."""
        if not named.ask.exact:
            return None
        entry = self._fresh(named, named.key)
        served = None if entry is None else self._as_asked(named, entry, "hit-exact")
        if served is None:
            self._misses += 1
        else:
            self._save(served.entry)
        return served

    async def find_meant(self, named: Named) -> tuple[Served | None, float | None, str | None]:
        """Return the answer to a question that means the same; how near one is, and what forbade it."""
        if self._meaning is None or named.threshold is None or not named.ask.semantic:
            return None, None, None
        fresh = lambda key: self._fresh(named, key)  # noqa: E731 - one use
        looked, named.vector = await self._meaning.look(named.scope, named.text, named.threshold, fresh)
        if looked.entry is None:
            return None, looked.similarity, looked.veto
        served = self._as_asked(named, looked.entry, "hit-semantic", looked.similarity)
        if served is not None:
            self._misses -= 1
            self._save(served.entry)
        return served, looked.similarity, None

    def board(self, named: Named) -> tuple[Flight, bool]:
        """Join the call for this name, or be told to make it."""
        return self._flights.board(named.key, named.stream)

    def land(self, named: Named, answer: tuple[list[tuple[bytes, bytes]], bytes] | None) -> None:
        """Tell those who joined what came: headers and body, or None for no answer that could be shared."""
        self._flights.end(named.key, named.stream, answer)

    def joined(self) -> None:
        """Count one who shared another one's call."""
        self._joined += 1

    async def put(self, named: Named, body: bytes, content_type: str, provider: str, model: str) -> None:
        """Keep an answer of status 200 that is whole, where it may be served to others."""
        if not named.ask.store:
            return
        whole = answer_whole(named.path, body) if named.stream else body
        if whole is None:
            return
        facts = answer_facts(named.path, whole, tool_calls=named.rules.exact.tool_calls)
        if facts is None:
            return
        entry = Entry(
            named.key,
            named.scope,
            named.text,
            named.tenant,
            named.route,
            provider,
            model,
            whole,
            "application/json" if named.stream else content_type,
            facts.finish,
            facts.tokens,
            named.rules.exact.ttl_ms,
        )
        if not self._store.put(entry) or self._meaning is None or named.threshold is None:
            return
        if named.vector is None:
            made = await self._meaning.embed(named.text)
            named.vector = None if isinstance(made, str) else made
        if named.vector is not None and self._meaning is not None:
            self._meaning.learn(entry, named.vector)

    def _fresh(self, named: Named, key: bytes) -> Entry | None:
        return self._store.get(key, named.ask.max_age)

    def _as_asked(
        self, named: Named, entry: Entry, how: str, similarity: float | None = None
    ) -> Served | None:
        if not named.stream:
            return Served(entry, entry.body, entry.content_type, how, similarity)
        events = answer_events(named.path, entry.body, usage=named.usage)
        if events is None:
            return None
        return Served(entry, events, "text/event-stream; charset=utf-8", how, similarity)

    def _save(self, entry: Entry) -> None:
        self._hits += 1
        self._served[entry.key] = self._served.get(entry.key, 0) + 1
        if entry.tokens is not None:
            self._saved[0] += entry.tokens[0]
            self._saved[1] += entry.tokens[1]

    def _gone(self, entry: Entry) -> None:
        self._served.pop(entry.key, None)
        if self._meaning is not None:
            self._meaning.forget(entry)

    def stats(self) -> dict[str, Any]:
        """Return what was counted since the start, and what is there now."""
        store = self._store
        return {
            "entries": len(store),
            "bytes": store.bytes,
            "max_bytes": store.most_bytes,
            "hits": self._hits,
            "misses": self._misses,
            "joined": self._joined,
            "stores": store.stores,
            "evictions": store.evictions,
            "expired": store.expired,
            "tokens_saved": {"input": self._saved[0], "output": self._saved[1]},
            "semantic": None if self._meaning is None else self._meaning.stats(),
        }

    def lookups(self) -> dict[tuple[str, str], int]:
        """Return how often what came of a lookup, by its kind and result, for the metrics."""
        exact = {"hit": self._hits, "miss": self._misses, "joined": self._joined}
        counts = {("exact", result): count for result, count in exact.items()}
        meant = {} if self._meaning is None else self._meaning.counts()
        return counts | {("semantic", result): count for result, count in meant.items()}

    def page(self, limit: int, cursor: str | None, which: Filter) -> dict[str, Any]:
        """Return entries, the one that was used last first. Raises ValueError for what is no cursor."""
        try:
            start = 0 if cursor is None else int(base64.urlsafe_b64decode(cursor))
        except ValueError:
            raise ValueError("the cursor is none of this gateway's") from None
        found = [entry for entry in self._store if _matches(entry, which)]
        items = [self._shown(entry) for entry in found[start : start + limit]]
        more = start + limit < len(found)
        following = base64.urlsafe_b64encode(str(start + limit).encode()).decode() if more else None
        return {"items": items, "next_cursor": following}

    def _shown(self, entry: Entry) -> dict[str, Any]:
        tokens = entry.tokens
        return {
            "id": entry.id,
            "kind": "semantic" if self._meaning is not None and self._meaning.knows(entry) else "exact",
            "tenant": entry.tenant,
            "model": entry.model,
            "route": entry.route,
            "operation": "chat.completions",
            "provider": entry.provider,
            "status": 200,
            "stream": False,
            "bytes": entry.size,
            "tokens": {
                "input": None if tokens is None else tokens[0],
                "output": None if tokens is None else tokens[1],
            },
            "hits": self._served.get(entry.key, 0),
            "age_s": entry.age_ms() / 1000,
            "ttl_s": entry.ttl_ms / 1000,
            "preview": entry.text[:_PREVIEW],
        }

    def purge(self, which: Filter) -> int:
        """Take away all that matches; return how many."""
        return sum(self._store.remove(entry.key) for entry in self._store if _matches(entry, which))

    def remove(self, entry_id: str) -> bool:
        """Take one away; False where there is none of that id."""
        try:
            return self._store.remove(bytes.fromhex(entry_id))
        except ValueError:
            return False

    def export(self, limit: int, cursor: str | None) -> tuple[bytes, str | None]:
        """Give nothing: this engine carries no entries."""
        return NoCache().export(limit, cursor)

    def take(self, lines: bytes) -> dict[str, Any]:
        """Refuse every line: this engine carries no entries."""
        return NoCache().take(lines)

    def warm(self, lines: bytes) -> dict[str, Any]:
        """Refuse every line: this engine carries no entries."""
        return NoCache().warm(lines)


def _matches(entry: Entry, which: Filter) -> bool:
    said = {"model": entry.model, "tenant": entry.tenant, "route": entry.route}
    text = which.get("text")
    return all(said[name] == value for name, value in which.items() if name in said) and (
        text is None or text in entry.text[:_PREVIEW]
    )
