"""The FastAPI application of the control plane."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import FastAPI
from fastapi.routing import APIRoute

import ferrogate
from ferrogate.admin.body_limit import BodyLimit
from ferrogate.admin.gate import Gate
from ferrogate.admin.problems import add_handlers
from ferrogate.admin.routes import (
    cache,
    config,
    gateway_keys,
    health,
    keys,
    lanes,
    logs,
    models,
    pages,
    providers,
)
from ferrogate.services import Services

__all__ = ["create_app"]

_DESCRIPTION = """
Keys, providers, aliases, lanes, the request log, kept answers and the configuration of one gateway.

A change is in force for the next request. Where authentication is on, every route asks for
`Authorization: Bearer ADMIN_TOKEN`. Errors are RFC 9457 problem documents with a stable `code`.
"""


def create_app(
    services: Services,
    *,
    auth_required: bool,
    run_secret: str | None = None,
    allowed_hosts: Collection[str] | None = None,
    allowed_origins: Collection[str] | None = None,
    page: bool = True,
) -> FastAPI:
    """Build the admin REST API, ``/docs``, health, metrics and the page at ``/``.

    Args:
        services: what the routes call.
        auth_required: ask for the admin token (or ``run_secret``) even where the configuration does not;
            otherwise the configuration in force decides, and Host and Origin are checked where it asks
            for none.
        run_secret: the secret of ``run.json``, which opens the API as the admin token does.
        allowed_hosts: beside the loopback names; None takes what the configuration in force says.
        allowed_origins: likewise.
        page: serve the dashboard at ``/``.

    """
    app = FastAPI(
        title="Ferrogate admin API",
        description=_DESCRIPTION.strip(),
        version=ferrogate.__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=_operation_id,
    )
    app.state.services = services
    app.state.auth_required = auth_required
    add_handlers(app)
    for routes in (providers, keys, gateway_keys, models, lanes, logs, cache, config, health):
        app.include_router(routes.router)
    static = pages.load(with_dashboard=page)
    app.include_router(pages.routes(app, static))
    app.add_middleware(BodyLimit)
    app.add_middleware(
        Gate,
        credentials=services.credentials,
        required=auth_required,
        auth=lambda: services.configuration.snapshot.auth,
        run_secret=run_secret,
        hosts=allowed_hosts,
        origins=allowed_origins,
        open_paths=static.open_paths,
    )
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
