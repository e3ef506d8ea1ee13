"""Lanes: one key of one provider for one model, as the engine sees it now."""

from __future__ import annotations

from typing import Any

from ferrogate.admin.dependencies import ServicesOf, api_router
from ferrogate.admin.schemas import Items

__all__ = ["router"]

router = api_router("lanes")


@router.get("/lanes", response_model=Items, summary="List lanes")
def list_lanes(services: ServicesOf) -> dict[str, Any]:
    """Per lane: provider, key, model, weight, requests in flight, failures and the last reasons."""
    return {"items": services.engine.lanes()}
