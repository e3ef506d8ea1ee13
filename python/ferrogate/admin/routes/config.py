"""The configuration in force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Body

from ferrogate.admin.dependencies import ServicesOf, api_router, problems
from ferrogate.admin.problems import ProblemError
from ferrogate.config import Settings
from ferrogate.config.base import Section
from ferrogate.engine.describe import describe
from ferrogate.services import Services

__all__ = ["router"]

router = api_router("config")

Changes = Annotated[
    dict[str, Any],
    Body(
        description="sections as in gateway.yaml; null takes a stored value away",
        examples=[{"limits": {"json_body": "64MiB"}, "server": {"allowed_hosts": ["gateway.internal"]}}],
    ),
]


@router.get("/config", summary="Get the effective configuration")
def get_config(services: ServicesOf) -> dict[str, Any]:
    """Everything in force, merged from flags, environment, file and data folder. Secrets are masked.

    ``reload`` says how reading the file again went: where ``error`` is not null, the file is wrong and what
    was in force before still is.
    """
    return _shown(services)


@router.patch("/config", summary="Change settings", responses=problems(409))
def change_config(changes: Changes, services: ServicesOf) -> dict[str, Any]:
    """Change settings that a running gateway can change, all or none; the answer is the new configuration.

    A setting that the file, the environment or a flag says is a 409 that names it; one that decides how the
    gateway was started (such as `server.port`) is a 422.
    """
    services.configuration.change_settings(dict(_flat(changes, Settings)))
    return _shown(services)


def _flat(changes: dict[str, Any], model: type[Section], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values by dotted name."""
    sections = model.sections()
    for name, value in changes.items():
        inner = sections.get(name)
        if isinstance(value, dict) and (inner or not prefix):
            yield from _flat(value, inner or Section, f"{prefix}{name}.")
        elif inner or not (prefix or name in model.model_fields):
            example = "limits: {json_body: 64MiB}"
            raise ProblemError("validation_failed", f"{prefix}{name} must be a section, like {example}")
        else:
            yield f"{prefix}{name}", value


def _shown(services: Services) -> dict[str, Any]:
    configuration = services.configuration
    return {**describe(configuration.effective), "reload": asdict(configuration.reloads)}
