"""Kept answers: counts, entries, and taking them away."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from ferrogate.admin.cache_schemas import CacheFilter, CachePage, CachePurged, CacheQuery
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
