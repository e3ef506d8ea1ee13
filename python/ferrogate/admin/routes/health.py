"""Whether the gateway lives, whether it takes requests, and what it counts."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from ferrogate.admin.dependencies import ServicesOf, api_router
from ferrogate.services.ingest import IngestStatus

__all__ = ["router"]

router = APIRouter()
_api = api_router("status")
_started = time.monotonic()


@router.get("/healthz", tags=["health"], summary="Alive")
async def healthz() -> dict[str, str]:
    """Answers while the control plane runs. Needs no credential."""
    return {"status": "ok"}


@router.get("/readyz", tags=["health"], summary="Ready", responses={503: {"description": "Not ready."}})
def readyz(services: ServicesOf) -> JSONResponse:
    """503 while the gateway drains. Needs no credential and says nothing but this."""
    if services.engine.status().get("draining"):
        return JSONResponse({"ready": False, "status": "draining"}, 503)
    return JSONResponse({"ready": True, "status": "ready"})


@router.get("/metrics", tags=["health"], summary="Prometheus metrics", response_class=PlainTextResponse)
def metrics(services: ServicesOf) -> PlainTextResponse:
    """Engine and control plane, in the text format of Prometheus."""
    text = services.engine.metrics()
    if services.ingest is not None:
        text += _ingest_metrics(services.ingest.status())
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


@_api.get("/status", summary="State of the gateway")
def get_status(services: ServicesOf, request: Request) -> dict[str, Any]:
    """Version, uptime, what the engine and the log's ingestion say about themselves, and warnings."""
    effective = services.configuration.effective
    ingest = services.ingest
    return {
        "version": request.app.version,
        "uptime_seconds": round(time.monotonic() - _started, 1),
        "auth_required": request.app.state.auth_required or effective.auth_required,
        "engine": services.engine.status(),
        "ingest": None if ingest is None else asdict(ingest.status()),
        "warnings": list(effective.warnings),
    }


router.include_router(_api)

_INGEST_METRICS = (
    ("rows", "ferrogate_log_rows_total", "Request records written to the database."),
    ("failures", "ferrogate_log_failures_total", "Batches that had to be tried again."),
    ("rejected", "ferrogate_log_rejected_total", "Request records that the database refused."),
)


def _ingest_metrics(status: IngestStatus) -> str:
    return "".join(
        f"# HELP {name} {text}\n# TYPE {name} counter\n{name} {getattr(status, field)}\n"
        for field, name, text in _INGEST_METRICS
    )
