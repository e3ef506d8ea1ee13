"""Providers."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from ferrogate.admin.dependencies import ServicesOf, api_router, problems
from ferrogate.admin.schemas import ProviderBody, ProviderChange, ProviderItem, ProviderList
from ferrogate.config.quantities import format_ms
from ferrogate.engine.entries import ProviderEntry
from ferrogate.services import Services

__all__ = ["router"]

router = api_router("providers")


@router.get("/providers", response_model=ProviderList, summary="List providers")
def list_providers(services: ServicesOf, configured: bool | None = None) -> dict[str, Any]:
    """List those that ship, of the file and of the data folder; `configured=true` leaves out the unused."""
    entries = services.providers.list()
    shown = [entry for entry in entries if configured is None or entry.configured == configured]
    return {"items": [_shape(entry, services) for entry in shown]}


@router.post(
    "/providers",
    status_code=201,
    response_model=ProviderItem,
    summary="Declare a provider",
    responses=problems(409),
)
def create_provider(body: ProviderBody, services: ServicesOf, response: Response) -> dict[str, Any]:
    """Declare a provider at a base URL of its own, such as a vLLM server."""
    fields = body.model_dump(exclude_unset=True, exclude={"name", "kind"})
    entry = services.providers.create(body.name, body.kind, fields)
    response.headers["location"] = f"/api/v1/providers/{entry.name}"
    return _shape(entry, services)


@router.get(
    "/providers/{name}", response_model=ProviderItem, summary="Get a provider", responses=problems(404)
)
def get_provider(name: str, services: ServicesOf) -> dict[str, Any]:
    """One provider; credentials in its headers and query are masked."""
    return _shape(services.providers.get(name), services)


@router.patch(
    "/providers/{name}",
    response_model=ProviderItem,
    summary="Change a provider",
    responses=problems(404, 409),
)
def change_provider(name: str, body: ProviderChange, services: ServicesOf) -> dict[str, Any]:
    """Change the given settings. One of the configuration file is a 409 that names its place."""
    return _shape(services.providers.change(name, body.model_dump(exclude_unset=True)), services)


@router.delete(
    "/providers/{name}", status_code=204, summary="Delete a provider", responses=problems(404, 409)
)
def delete_provider(name: str, services: ServicesOf) -> None:
    """Delete a stored provider. Its keys stay, unused, until a provider of that name is back."""
    services.providers.delete(name)


def _shape(entry: ProviderEntry, services: Services) -> dict[str, Any]:
    return {
        "name": entry.name,
        "title": services.providers.title(entry),
        "kind": entry.kind,
        "base_url": entry.base_url,
        "query": entry.masked_query,
        "headers": entry.masked_headers,
        "timeouts": {name.removesuffix("_ms"): format_ms(value) for name, value in entry.timeouts.items()},
        "http2": entry.http2 or "auto",
        "options": dict(entry.options),
        "source": entry.source,
        "origin": entry.origin or None,
        "configured": entry.configured,
        "needs_key": services.providers.needs_key(entry),
    }
