"""Who may pass: the admin token where credentials are asked for, Host and Origin where they are not.

A plain ASGI layer in front of every route, so that no route can be forgotten. Where credentials are off, the
Host check stops a web page that re-binds its name to 127.0.0.1, and the Origin check stops one that posts
across sites. The peer's address proves nothing: everything arrives by the listener's socket.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Collection

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ferrogate.admin.problems import ProblemResponse, problem
from ferrogate.engine.snapshot import Auth
from ferrogate.services.credentials import CredentialsService
from ferrogate.services.secret_text import GATEWAY_KEY_PREFIX

__all__ = ["Gate"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(:[0-9]*)?", re.ASCII)
_PROBES = frozenset({"/healthz", "/readyz"})
_BROWSED = frozenset({"/docs", "/openapi.json", "/metrics"})
"""A browser and Prometheus reach these by HTTP Basic too: the token as the password. They only read."""

_ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
_POLICY_VIOLATION = 1008
_ASKED_HEADERS = "authorization, content-type"
_METHODS = "GET, POST, PUT, PATCH, DELETE"


class Gate:
    """The layer.

    Args:
        app: what stands behind.
        credentials: knows the admin token.
        required: ask for a credential, whatever the configuration says.
        auth: what the snapshot in force says about callers.
        run_secret: opens as the admin token does.
        hosts: replaces the configured ``server.allowed_hosts``; None keeps them.
        origins: likewise.
        open_paths: static files that anybody may read.

    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        credentials: CredentialsService,
        required: bool,
        auth: Callable[[], Auth],
        run_secret: str | None,
        hosts: Collection[str] | None,
        origins: Collection[str] | None,
        open_paths: Collection[str],
    ) -> None:
        self._app = app
        self._credentials = credentials
        self._required = required
        self._auth = auth
        self._run_secret = run_secret
        self._hosts = hosts
        self._origins = origins
        self._open = frozenset(open_paths) | _PROBES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, or answer 401 or 403."""
        if scope["type"] == "websocket":
            # No route is one. One that comes must be checked as the others are, and is refused until it is.
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = ", ".join(headers.getlist("origin"))
        auth = self._auth()
        is_allowed_origin = origin.lower() in (
            auth.allowed_origins if self._origins is None else self._origins
        )
        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    added.setdefault(name, value)
                added.setdefault("cache-control", "no-store")
                if is_allowed_origin:
                    added["access-control-allow-origin"] = origin
                    added.add_vary_header("Origin")
            await send(message)

        answer: Response | None
        if is_allowed_origin and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            answer = _preflight()
        elif self._required or auth.required:
            answer = await self._check_token(path, headers)
        else:
            answer = self._check_place(path, headers, auth, origin, is_allowed_origin=is_allowed_origin)
        await (answer or self._app)(scope, receive, marked)

    async def _check_token(self, path: str, headers: Headers) -> ProblemResponse | None:
        if path in self._open:
            return None
        presented = _presented(", ".join(headers.getlist("authorization")), basic=path in _BROWSED)
        challenge = {
            "www-authenticate": 'Basic realm="gateway admin token"' if path in _BROWSED else "Bearer"
        }
        if not presented:
            return problem(
                "admin_token_missing",
                "send the admin token as Authorization: Bearer TOKEN; `gateway token reset` makes a new one",
                headers=challenge,
            )
        if self._run_secret and hmac.compare_digest(presented.encode(), self._run_secret.encode()):
            return None
        if await run_in_threadpool(self._credentials.is_admin, presented):
            return None
        detail = "this is not the admin token; `gateway token reset` makes a new one"
        if presented.startswith(GATEWAY_KEY_PREFIX):
            detail = "this is a gateway key, which opens the inference routes only; send the admin token"
        return problem("admin_token_invalid", detail, headers=challenge)

    def _check_place(
        self, path: str, headers: Headers, auth: Auth, origin: str, *, is_allowed_origin: bool
    ) -> ProblemResponse | None:
        if path in _PROBES:
            return None
        hosts = headers.getlist("host")
        named = auth.allowed_hosts if self._hosts is None else self._hosts
        if len(hosts) != 1 or _without_port(hosts[0]) not in _LOOPBACK.union(named):
            return problem(
                "host_forbidden",
                "this Host is not one that the gateway answers to: use localhost or 127.0.0.1, or add the"
                " name to server.allowed_hosts",
            )
        own = (f"http://{hosts[0]}".lower(), f"https://{hosts[0]}".lower())
        if origin and not is_allowed_origin and origin.lower() not in own:
            return problem(
                "origin_forbidden",
                "pages of this Origin may not call the gateway: add it to server.allowed_origins",
            )
        return None


def _preflight() -> Response:
    headers = {
        "access-control-allow-methods": _METHODS,
        "access-control-allow-headers": _ASKED_HEADERS,
        "access-control-max-age": "600",
    }
    return Response(status_code=204, headers=headers)


def _presented(authorization: str, *, basic: bool) -> str:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if basic and scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return ""


def _without_port(host: str) -> str:
    match = _HOST.fullmatch(host.lower())
    return match[1] if match else ""
