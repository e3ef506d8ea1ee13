"""Provider keys."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from fastapi import Response

from ferrogate.admin.dependencies import ServicesOf, api_router, problems
from ferrogate.admin.schemas import KeyBody, KeyChange, KeyItem, KeyList, KeyTestResult

__all__ = ["router"]

router = api_router("keys")


@router.get("/keys", response_model=KeyList, summary="List provider keys")
def list_keys(services: ServicesOf, provider: str | None = None) -> dict[str, Any]:
    """Keys of the data folder, the configuration file and the environment, with their values masked."""
    return {"items": [asdict(view) for view in services.keys.list(provider)]}


@router.post(
    "/keys", status_code=201, response_model=KeyItem, summary="Add a provider key", responses=problems(409)
)
def create_key(body: KeyBody, services: ServicesOf, response: Response) -> dict[str, Any]:
    """Store a key, encrypted. It serves from the next request on, without a restart."""
    view = services.keys.create(
        body.provider, body.value, body.name, weight=body.weight, models=body.models, enabled=body.enabled
    )
    response.headers["location"] = f"/api/v1/keys/{quote(view.id)}"
    return asdict(view)


# The id of a key from the file or the environment holds a slash (file:openai/main), hence `:path`; the test
# route stands first, because the other would take its last part for a part of the id.
@router.post(
    "/keys/{key_id:path}/test",
    response_model=KeyTestResult,
    summary="Try a provider key",
    responses=problems(404),
)
def test_key(key_id: str, services: ServicesOf) -> dict[str, Any]:
    """Ask the provider for its models with this key, within 10 seconds. The key is never shown."""
    return asdict(services.keys.test(key_id))


@router.get("/keys/{key_id:path}", response_model=KeyItem, summary="Get a key", responses=problems(404))
def get_key(key_id: str, services: ServicesOf) -> dict[str, Any]:
    """One key, its value masked."""
    return asdict(services.keys.get(key_id))


@router.patch(
    "/keys/{key_id:path}", response_model=KeyItem, summary="Change a key", responses=problems(404, 409)
)
def change_key(key_id: str, body: KeyChange, services: ServicesOf) -> dict[str, Any]:
    """Change the given fields. A key of the file or the environment is a 409 that names its place."""
    return asdict(services.keys.change(key_id, body.model_dump(exclude_unset=True)))


@router.delete("/keys/{key_id:path}", status_code=204, summary="Delete a key", responses=problems(404, 409))
def delete_key(key_id: str, services: ServicesOf) -> None:
    """Delete a stored key. Requests that are under way with it end as they would."""
    services.keys.delete(key_id)
