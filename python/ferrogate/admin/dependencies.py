"""What every route takes, and what every route can answer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Security
from fastapi.security import HTTPBearer

from ferrogate.admin.schemas import ProblemDocument
from ferrogate.services import Services

__all__ = ["Problems", "ServicesOf", "api_router", "problems"]

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="adminToken",
    description="The admin token; asked for where authentication is on.",
)

Problems = dict[int | str, dict[str, Any]]
_TEXTS = {
    401: "No admin token, or a wrong one.",
    403: "The Host or the Origin is not allowed.",
    404: "No such thing.",
    409: "It exists already, or it belongs to the configuration file or the environment.",
    422: "A value is impossible, or the engine refused the result; nothing was changed.",
}


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(_services)]


def problems(*statuses: int) -> Problems:
    """Return the documentation of problem answers."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    return {status: {"description": _TEXTS[status], "content": content} for status in statuses}


def api_router(tag: str) -> APIRouter:
    """Return a router below ``/api/v1`` whose routes document the admin token and its problems."""
    return APIRouter(
        prefix="/api/v1",
        tags=[tag],
        dependencies=[Security(_bearer)],
        responses={
            "default": {"model": ProblemDocument, "description": "A problem."},
            **problems(401, 403, 422),
        },
    )
