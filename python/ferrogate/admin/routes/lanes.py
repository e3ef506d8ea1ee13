"""Lanes: one key of one provider for one model, as the engine sees it now."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from ferrogate.admin.dependencies import ServicesOf, api_router
from ferrogate.admin.lane_schemas import LaneList

__all__ = ["router"]

router = api_router("lanes")

Provider = Annotated[str | None, Query(description="only this provider's", examples=["openai"])]
Route = Annotated[str | None, Query(description="only those that this route has", examples=["chat"])]


@router.get("/lanes", response_model=LaneList, summary="List lanes")
def list_lanes(services: ServicesOf, provider: Provider = None, route: Route = None) -> dict[str, Any]:
    """Per lane: what it is worth now and why, what it measured, and what runs on it.

    A field is null where the engine does not know it. In the list of one route, `tier`, `share`, `multiplier`
    and `why` are those of that route.
    """
    items = [lane for lane in services.engine.lanes() if provider in (None, lane["provider"])]
    return {"items": items if route is None else [found for lane in items for found in _within(lane, route)]}


def _within(lane: dict[str, Any], route: str) -> list[dict[str, Any]]:
    """Return the lane as one route has it, or nothing."""
    found = next((one for one in lane.get("routes") or () if one["route"] == route), None)
    if found is not None:
        return [{**lane, **found}]
    return [lane] if lane.get("route") == route else []
