"""Kept answers as the admin API gives them, and which ones are meant."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from ferrogate.admin.schemas import Body

__all__ = [
    "CacheEntry",
    "CacheFilter",
    "CachePage",
    "CachePurged",
    "CacheQuery",
    "CacheStats",
    "Carried",
    "CarriedEntries",
    "CarriedPage",
    "CarryQuery",
    "ToldCalls",
]

MOST_ENTRIES = 500
Said = Annotated[str | None, Field(min_length=1, max_length=512)]


class CacheFilter(Body):
    """Which entries are meant. A misspelled name is refused: without a filter it would be all of them."""

    model: Said = Field(None, description="only answers of this model, as the provider calls it")
    tenant: Said = Field(None, description="only this tenant's")
    route: Said = Field(
        None, description="only answers to requests for this alias or provider/model", examples=["chat"]
    )
    text: Said = Field(None, description="found in what was asked, as far as `preview` has it")

    def given(self) -> dict[str, str]:
        """Return what the engine is asked for."""
        return self.model_dump(include=set(CacheFilter.model_fields), exclude_none=True)


class CacheQuery(CacheFilter):
    """Which entries are meant, and which page of them."""

    limit: int = Field(50, ge=1, le=MOST_ENTRIES)
    cursor: str | None = Field(None, max_length=512, description="`next_cursor` of the page before")


class TokenCount(BaseModel):
    """Tokens, as the provider counted them."""

    input: int | None
    output: int | None


class SemanticStats(BaseModel):
    """Lookups of questions that mean the same, each counted once by what came of it."""

    entries: int = Field(description="questions that can be found")
    vector_bytes: int = Field(description="memory of their vectors; a part of it is counted in `bytes`")
    hits: int = Field(description="served with the answer to another wording")
    far: int = Field(description="nothing was similar enough")
    vetoed: int = Field(description="something was, and a rule forbade it")
    busy: int = Field(description="not looked for: the embedder's queue was full")
    late: int = Field(description="given up: the embedder took too long")
    too_long: int = Field(description="beyond what the model reads")
    verified: list[dict[str, Any]] = Field(
        description="how right the hits were, a report for each `route` that verifies; see docs/caching.md"
    )


class DiskStats(BaseModel):
    """The file of answers."""

    bytes: int
    failure: str | None = Field(description="why the disk refuses what should be written, while it does")
    failures: int = Field(description="how often it began to refuse")


class CacheStats(BaseModel):
    """What is kept now, and what was counted since the start."""

    entries: int = Field(description="those that are too old and were not met since are counted too")
    bytes: int = Field(description="memory of all entries, with what they cost beside their bodies")
    max_bytes: int = Field(description="`cache.size`; 0 where the engine keeps no answers")
    hits: int = Field(description="requests that were served from memory")
    misses: int = Field(description="requests that were looked up and not found")
    joined: int = Field(description="requests that shared another one's call")
    stores: int = Field(description="answers that were stored, in the place of an older one too")
    evictions: int = Field(description="pushed out by others, or not let in, for want of memory")
    expired: int = Field(description="removed for their age")
    tokens_saved: TokenCount = Field(description="what hits did not cost")
    semantic: SemanticStats | None = Field(None, description="null where nothing is compared by meaning")
    disk: DiskStats | None = Field(
        None, description="null where answers are kept in memory alone, or by another process"
    )


class CacheEntry(BaseModel):
    """An answer that is kept."""

    id: str = Field(description="64 hexadecimal digits: the hash of the request")
    kind: str = Field(examples=["exact"])
    tenant: str = Field(description="whose requests it may answer", examples=["local"])
    model: str = Field(description="as the provider calls it", examples=["gpt-4o-mini"])
    route: str = Field(description="an alias, or provider/model", examples=["chat"])
    operation: str = Field(examples=["chat.completions"])
    provider: str = Field(description="who answered", examples=["openai"])
    status: int = Field(examples=[200])
    stream: bool = Field(description="it came as a stream")
    bytes: int = Field(description="memory that it takes")
    tokens: TokenCount = Field(description="what it cost, and what a hit saves; null where nobody said")
    hits: int = Field(description="how often it was served")
    age_s: float = Field(description="seconds since it was stored")
    ttl_s: float = Field(description="seconds from then in which it is fresh")
    preview: str = Field(description="the beginning of what was asked", examples=["How do I reset my ..."])


class CachePage(BaseModel):
    """The counts, and a page of entries in no particular order."""

    stats: CacheStats
    items: list[CacheEntry]
    next_cursor: str | None = Field(description="null at the end")


class CarriedPage(BaseModel):
    """Whole entries, to be kept in a file or imported elsewhere."""

    items: list[dict[str, Any]]
    next_cursor: str | None = Field(description="null at the end")


class CarryQuery(Body):
    """Which page of the whole entries."""

    limit: int = Field(50, ge=1, le=MOST_ENTRIES)
    cursor: str | None = Field(None, max_length=512, description="`next_cursor` of the page before")


class CarriedEntries(Body):
    """Entries as the export gave them. All of them together are a document of at most 1 MiB."""

    items: list[dict[str, Any]] = Field(max_length=MOST_ENTRIES)


class ToldCall(Body):
    """A request that was answered before, with both bodies as they were."""

    tenant: str
    path: str = Field(examples=["/openai/v1/chat/completions"])
    request: str
    response: str = Field(description="JSON, or the events of a stream")
    provider: str
    upstream_model: str
    stored_at_ms: int = Field(ge=0, description="Unix time")


class ToldCalls(Body):
    """Calls that the log tells of. All of them together are a document of at most 1 MiB."""

    items: list[ToldCall] = Field(max_length=MOST_ENTRIES)


class RefusedItem(BaseModel):
    """One that was not kept."""

    line: int = Field(description="its place in `items`; the first is 1")
    why: str


class Carried(BaseModel):
    """What came of it."""

    kept: int
    refused: list[RefusedItem]


class CachePurged(BaseModel):
    """How many entries went."""

    removed: int
