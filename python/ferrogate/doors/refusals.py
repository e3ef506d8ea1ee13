"""What the ASGI door answers by itself: the few cases in which the engine was not reached."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["DRAINING", "refuse"]

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def _error(message: str, kind: str, code: str) -> bytes:
    template = '{"error":{"message":"%s","type":"%s","code":"%s","param":null}}'
    return (template % (message, kind, code)).encode()


_DRAINING_BODY = _error("The gateway has shut down; try again.", "gateway_error", "draining")
DRAINING = (
    503,
    [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_DRAINING_BODY)).encode()),
        (b"retry-after", b"1"),
    ],
    _DRAINING_BODY,
)
"""What a request gets whose answer had not begun when the queue closed; one that had is cut."""


async def refuse(send: Send) -> None:
    """Answer what is no HTTP."""
    body = _error("The request is not valid HTTP.", "invalid_request_error", "invalid_request")
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
