"""Whether the gateway lives, whether it takes requests, and what it counts."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from ferrogate.admin.dependencies import ServicesOf, api_router
from ferrogate.services import Services

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
    status = services.engine.status()
    if status.get("leaving") or status.get("draining"):
        return JSONResponse({"ready": False, "status": "draining"}, 503)
    return JSONResponse({"ready": True, "status": "ready"})


@router.get("/metrics", tags=["health"], summary="Prometheus metrics", response_class=PlainTextResponse)
def metrics(services: ServicesOf) -> PlainTextResponse:
    """Engine and control plane, in the engine's format: OpenMetrics, or the older text of Prometheus."""
    text = services.engine.metrics()
    body = text.rstrip().removesuffix(_OPEN_METRICS_END)
    if body != text.rstrip():
        own = _own_metrics(services, "")
        return PlainTextResponse(f"{body}{own}{_OPEN_METRICS_END}\n", headers={"content-type": _OPEN_METRICS})
    own = _own_metrics(services, "_total")
    return PlainTextResponse(text + own, headers={"content-type": _PROMETHEUS})


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

_OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_OPEN_METRICS_END = "# EOF"
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_INGEST_METRICS = (
    ("rows", "ferrogate_log_rows", "Request records written to the database"),
    ("failures", "ferrogate_log_failures", "Batches that had to be tried again"),
    ("rejected", "ferrogate_log_rejected", "Request records that the database refused"),
)


def _own_metrics(services: Services, suffix: str) -> str:
    """Return the counters; OpenMetrics names a family without ``_total``, Prometheus with it."""
    reloads = services.configuration.reloads
    counters = [
        ("ferrogate_config_reloads", "Times that the configuration file was read again", reloads.done),
        ("ferrogate_config_reload_failures", "Times that it was wrong and changed nothing", reloads.failed),
    ]
    if services.ingest is not None:
        status = services.ingest.status()
        counters += [(name, text, getattr(status, field)) for field, name, text in _INGEST_METRICS]
    wrong = (
        "# HELP ferrogate_config_file_wrong 1 while the configuration file is wrong and not in force\n"
        "# TYPE ferrogate_config_file_wrong gauge\n"
        f"ferrogate_config_file_wrong {int(reloads.error is not None)}\n"
    )
    return wrong + "".join(
        f"# HELP {name}{suffix} {text}\n# TYPE {name}{suffix} counter\n{name}_total {value}\n"
        for name, text, value in counters
    )
