"""Kept answers: counts, entries, and taking them away."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import Query

from ferrogate.admin.cache_schemas import (
    CacheFilter,
    CachePage,
    CachePurged,
    CacheQuery,
    Carried,
    CarriedEntries,
    CarriedPage,
    CarryQuery,
    ToldCalls,
)
from ferrogate.admin.dependencies import ServicesOf, api_router, problems
from ferrogate.admin.problems import ProblemError
from ferrogate.errors import NotFoundError

__all__ = ["router"]

router = api_router("cache")


@router.get("/cache", response_model=CachePage, summary="Count and list kept answers")
def list_cache(services: ServicesOf, query: Annotated[CacheQuery, Query()]) -> dict[str, Any]:
    """Counts of the whole cache, and a page of the entries that match every filter."""
    cache = services.engine.cache
    try:
        page = cache.page(query.limit, query.cursor, query.given())
    except ValueError as error:
        raise ProblemError("validation_failed", f"cursor: {error}") from None
    return {"stats": cache.stats(), **page}


@router.get("/cache/export", response_model=CarriedPage, summary="Read whole entries")
def export_cache(services: ServicesOf, query: Annotated[CarryQuery, Query()]) -> dict[str, Any]:
    """About `limit` entries with their answers, in no particular order."""
    try:
        lines, following = services.engine.cache.export(query.limit, query.cursor)
    except ValueError as error:
        raise ProblemError("validation_failed", f"cursor: {error}") from None
    return {"items": [orjson.loads(line) for line in lines.splitlines()], "next_cursor": following}


@router.post("/cache/import", response_model=Carried, summary="Keep entries that were exported")
def import_cache(entries: CarriedEntries, services: ServicesOf) -> dict[str, Any]:
    """Keep entries as old as they are; what is past its TTL is refused. Questions are embedded anew."""
    return services.engine.cache.take(_lines(entries.items))


@router.post("/cache/warm", response_model=Carried, summary="Keep what was answered before")
def warm_cache(calls: ToldCalls, services: ServicesOf) -> dict[str, Any]:
    """Keep answers of calls that were made before, as their routes would keep them now."""
    return services.engine.cache.warm(_lines([call.model_dump() for call in calls.items]))


def _lines(items: list[dict[str, Any]]) -> bytes:
    return b"\n".join(map(orjson.dumps, items))


@router.delete("/cache", response_model=CachePurged, summary="Take kept answers away")
def purge_cache(services: ServicesOf, which: Annotated[CacheFilter, Query()]) -> dict[str, int]:
    """Take away every entry that matches all filters; without any filter, every entry.

    What is stored meanwhile may stay.
    """
    return {"removed": services.engine.cache.purge(which.given())}


@router.delete(
    "/cache/{entry_id}", status_code=204, summary="Take one kept answer away", responses=problems(404)
)
def remove_from_cache(entry_id: str, services: ServicesOf) -> None:
    """Take one entry away."""
    if not services.engine.cache.remove(entry_id):
        raise NotFoundError(
            "nothing is kept under this id; it may have gone for its age or for want of memory"
        )
