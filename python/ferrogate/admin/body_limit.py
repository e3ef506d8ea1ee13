"""How much the admin API reads of a request.

Its documents are small, and parsing one costs the event loop that the log and the configuration live on.
"""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ferrogate.admin.problems import problem

__all__ = ["LARGEST_BODY", "BodyLimit"]

LARGEST_BODY: Final = 2**20
"""Bytes; a key has at most a few hundred, a list of aliases a few thousand."""


class BodyLimit:
    """The layer: 413 for a body that is announced or turns out to be larger, before it is parsed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what is read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = [value for name, value in scope["headers"] if name == b"content-length"]
        if any(not value.isdigit() or int(value[:20]) > LARGEST_BODY for value in announced):
            refusal = problem("body_too_large", "the body is larger than any document of this API")
            await refusal(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > LARGEST_BODY:
                raise HTTPException(413)  # FastAPI lets it through to the handler of problems
            return message

        await self._app(scope, counted, send)
