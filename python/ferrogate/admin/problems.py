"""Every error of the admin API as RFC 9457 problem+json: type, title, status, detail, and a stable ``code``.

``code`` is what programs match on; ``detail`` is a sentence for a person that says what to do. No input is
quoted back: a body may hold a key.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from ferrogate.errors import (
    ConfigError,
    ConflictError,
    DecryptionError,
    EngineError,
    FerrogateError,
    NotFoundError,
    SnapshotError,
    StoreError,
)

__all__ = ["CODES", "ProblemError", "ProblemResponse", "add_handlers", "problem"]

_log = logging.getLogger(__name__)

CODES: dict[str, int] = {
    "invalid_json": 400,
    "admin_token_missing": 401,
    "admin_token_invalid": 401,
    "host_forbidden": 403,
    "origin_forbidden": 403,
    "not_found": 404,
    "route_not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "body_too_large": 413,
    "validation_failed": 422,
    "config_invalid": 422,
    "snapshot_refused": 422,
    "internal": 500,
    "decryption_failed": 500,
    "store_unavailable": 503,
    "engine_unavailable": 503,
}
"""Every stable code and its status."""

# The nearest class of an exception decides, so a subclass stands before its base.
_KINDS: tuple[tuple[type[FerrogateError], str], ...] = (
    (SnapshotError, "snapshot_refused"),
    (ConfigError, "config_invalid"),
    (NotFoundError, "not_found"),
    (ConflictError, "conflict"),
    (DecryptionError, "decryption_failed"),
    (StoreError, "store_unavailable"),
    (EngineError, "engine_unavailable"),
)


class ProblemResponse(JSONResponse):
    """A problem document."""

    media_type = "application/problem+json"


class ProblemError(Exception):
    """Raised by a route to answer with a problem."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def problem(
    code: str,
    detail: str,
    *,
    status: int | None = None,
    headers: dict[str, str] | None = None,
    **members: Any,
) -> ProblemResponse:
    """Return a problem document; ``members`` are added to it."""
    status = CODES[code] if status is None else status
    body = {
        "type": f"urn:ferrogate:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **members,
    }
    return ProblemResponse(body, status, headers)


def add_handlers(app: FastAPI) -> None:
    """Answer every exception with a problem document."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(FerrogateError, _on_own_error)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_unexpected)


async def _on_problem(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, ProblemError)  # noqa: S101 (the registration above says so)
    return problem(error.code, error.detail)


async def _on_own_error(_request: Request, error: Exception) -> ProblemResponse:
    code = next((code for kind, code in _KINDS if isinstance(error, kind)), "internal")
    if CODES[code] >= 500:
        _log.error("%s: %s", code, error)
    return problem(code, str(error))


async def _on_validation(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = error.errors()
    if any(entry["type"] == "json_invalid" for entry in found):
        return problem("invalid_json", "the body is not JSON: check quotes, commas and the content type")
    errors = [
        {
            "at": ".".join(str(part) for part in entry["loc"]),
            "message": entry["msg"].removeprefix("Value error, "),
        }
        for entry in found
    ]
    detail = "; ".join(f"{entry['at']}: {entry['message']}" for entry in errors[:3])
    return problem("validation_failed", detail, errors=errors)


async def _on_http(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return problem("route_not_found", f"there is nothing at {request.url.path}; /docs lists every route")
    if error.status_code == 405:
        detail = f"{request.method} is not possible here; allowed: {headers.get('Allow', 'see /docs')}"
        return problem("method_not_allowed", detail, headers=headers)
    if error.status_code == 413:
        return problem("body_too_large", "the body is larger than any document of this API")
    code = "internal" if error.status_code >= 500 else "validation_failed"
    return problem(code, str(error.detail), status=error.status_code, headers=headers)


async def _on_unexpected(_request: Request, error: Exception) -> ProblemResponse:
    del error  # Starlette logs it with its traceback; the client learns nothing of the inside
    return problem("internal", "the gateway made a mistake; its log has the traceback")
