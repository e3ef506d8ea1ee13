"""How a request gets in, and which half of the gateway it belongs to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

__all__ = ["INFERENCE_PREFIXES", "ASGIApp", "Receive", "Scope", "Send", "Split", "is_inference"]

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

INFERENCE_PREFIXES: Final = frozenset(
    {"openai", "v1", "litellm", "langchain", "pydanticai", "anthropic", "genai", "bedrock", "cohere"}
)
"""First words of the paths that an engine answers; every other path belongs to the control plane."""


def is_inference(path: str) -> bool:
    """Whether a path, without the mount's prefix, belongs to an engine."""
    return path[1:].partition("/")[0] in INFERENCE_PREFIXES


class Split:
    """Sends inference paths to one application and every other path to another.

    It stands in front of the admin application instead of being mounted in it, so that its routing and its
    middleware cost an inference request nothing.
    """

    def __init__(self, inference: ASGIApp, control: ASGIApp) -> None:
        self._inference = inference
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        root = scope.get("root_path", "")
        path = scope.get("path", "").removeprefix(root)
        inference = scope["type"] == "http" and is_inference(path)
        await (self._inference if inference else self._control)(scope, receive, send)
