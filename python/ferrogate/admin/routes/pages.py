"""The static pages: the dashboard at ``/`` and the API's documentation at ``/docs``.

Everything is in the package and nothing comes from elsewhere, so both work without a network and under a
policy that allows no foreign or inline script. The documentation page reads ``/openapi.json`` and shows
it; it is ours, because the usual ones load a megabyte and a half of scripts from a CDN, or need a package
that vendors them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response

__all__ = ["StaticPages", "load", "routes"]

_FOLDER = Path(__file__).parents[2] / "dashboard"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
_DASHBOARD = {"/": "index.html", "/assets/app.js": "app.js"}
_SHARED = {"/assets/app.css": "app.css", "/assets/docs.js": "docs.js"}
_GUARDED = {"/docs": "docs.html"}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    headers: Mapping[str, str]

    def answer(self, request: Request) -> Response:
        if request.headers.get("if-none-match") == self.headers["etag"]:
            return Response(status_code=304, headers=dict(self.headers))
        return Response(self.content, headers=dict(self.headers))


@dataclass(frozen=True, slots=True)
class StaticPages:
    """The files by path. ``open_paths`` are those that anybody may read."""

    files: Mapping[str, _File]
    open_paths: frozenset[str]


def load(*, with_dashboard: bool) -> StaticPages:
    """Read the files into memory: they are few and small."""
    open_files = {**_SHARED, **(_DASHBOARD if with_dashboard else {})}
    files = {path: _read(_FOLDER / name) for path, name in {**open_files, **_GUARDED}.items()}
    return StaticPages(files, frozenset(open_files))


def routes(app: FastAPI, static: StaticPages) -> APIRouter:
    """Serve the files, and the description of the API that the documentation page shows."""
    router = APIRouter(include_in_schema=False)
    for path, file in static.files.items():
        router.add_api_route(
            path, partial(_serve, file), methods=["GET", "HEAD"], name=path.strip("/") or "page"
        )

    @router.get("/openapi.json")
    async def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    return router


async def _serve(file: _File, request: Request) -> Response:
    return file.answer(request)


def _read(path: Path) -> _File:
    content = path.read_bytes()
    headers = {
        "content-type": _KINDS[path.suffix],
        "cache-control": "no-cache",
        "etag": f'"{hashlib.sha256(content).hexdigest()[:16]}"',
    }
    if path.suffix == ".html":
        headers["content-security-policy"] = _POLICY
    return _File(content, headers)
