"""Aliases: model names of the gateway's own."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from ferrogate.admin.dependencies import ServicesOf, api_router, problems
from ferrogate.admin.problems import ProblemError
from ferrogate.admin.schemas import AliasBody, AliasItem, AliasList, TargetBody
from ferrogate.engine.entries import AliasEntry, AliasOptions, TargetEntry

__all__ = ["router"]

router = api_router("models")


@router.get("/models", response_model=AliasList, summary="List aliases")
def list_aliases(services: ServicesOf) -> dict[str, Any]:
    """Aliases of the configuration file and of the data folder."""
    return {"items": [_shape(alias) for alias in services.aliases.list()]}


@router.get("/models/{alias:path}", response_model=AliasItem, summary="Get an alias", responses=problems(404))
def get_alias(alias: str, services: ServicesOf) -> dict[str, Any]:
    """One alias with its targets in order."""
    return _shape(services.aliases.get(alias))


@router.put(
    "/models/{alias:path}",
    response_model=AliasItem,
    summary="Make or replace an alias",
    responses={201: {"model": AliasItem, "description": "Made."}, **problems(409)},
)
def put_alias(alias: str, body: AliasBody, services: ServicesOf, response: Response) -> dict[str, Any]:
    """Targets are tried in order; those with a weight share the traffic of the first place."""
    targets = [_target(target) for target in body.targets]
    options = AliasOptions(
        body.log.payloads, body.hedge.enabled, body.hedge.budget, body.affinity, body.cache
    )
    entry, is_new = services.aliases.put(alias, targets, options)
    response.status_code = 201 if is_new else 200
    return _shape(entry)


@router.delete(
    "/models/{alias:path}", status_code=204, summary="Delete an alias", responses=problems(404, 409)
)
def delete_alias(alias: str, services: ServicesOf) -> None:
    """Delete a stored alias."""
    services.aliases.delete(alias)


def _target(given: str | TargetBody) -> TargetEntry:
    body = TargetBody(target=given, weight=None) if isinstance(given, str) else given
    if body.target is not None:
        provider, slash, model = body.target.partition("/")
        if provider and slash and model and not (body.provider or body.model):
            return TargetEntry(provider, model, body.weight)
    elif body.provider and body.model:
        return TargetEntry(body.provider, body.model, body.weight)
    raise ProblemError("validation_failed", "a target is written provider/model, like openai/gpt-4o-mini")


def _shape(alias: AliasEntry) -> dict[str, Any]:
    targets = [
        {"provider": target.provider, "model": target.model, "weight": target.weight}
        for target in alias.targets
    ]
    return {
        "name": alias.name,
        "targets": targets,
        **alias.options.sections(),
        "source": alias.source,
        "origin": alias.origin or None,
    }
