"""Client credentials."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ferrogate.admin.dependencies import ServicesOf, api_router, problems
from ferrogate.admin.schemas import GatewayKeyBody, GatewayKeyList, GatewayKeyMade
from ferrogate.services.gateway_keys import GatewayKeyView
from ferrogate.services.logs import iso_time

__all__ = ["router"]

router = api_router("gateway keys")


@router.get("/gateway-keys", response_model=GatewayKeyList, summary="List gateway keys")
def list_gateway_keys(services: ServicesOf) -> dict[str, Any]:
    """List what clients call the gateway with. Only hashes are kept, so no secret can be shown."""
    return {"items": [_shape(view) for view in services.gateway_keys.list()]}


@router.post(
    "/gateway-keys",
    status_code=201,
    response_model=GatewayKeyMade,
    summary="Make a gateway key",
    responses=problems(409),
)
def create_gateway_key(body: GatewayKeyBody, services: ServicesOf) -> dict[str, Any]:
    """Make a credential. `secret` is shown this once."""
    made = services.gateway_keys.create(body.name, body.tenant)
    return {**_shape(made.view), "secret": made.secret}


@router.delete(
    "/gateway-keys/{key_id:path}",
    status_code=204,
    summary="Delete a gateway key",
    responses=problems(404, 409),
)
def delete_gateway_key(key_id: str, services: ServicesOf) -> None:
    """Delete a credential. The next request with it is a 401."""
    services.gateway_keys.delete(key_id)


def _shape(view: GatewayKeyView) -> dict[str, Any]:
    fields = asdict(view)
    created_ms = fields.pop("created_ms")
    return {**fields, "created_at": None if created_ms is None else iso_time(created_ms)}
