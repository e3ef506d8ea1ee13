"""How a request gets in, and which half of the gateway it belongs to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    import asyncio
    import socket
    from pathlib import Path

__all__ = ["INFERENCE_PREFIXES", "ASGIApp", "Door", "Receive", "Scope", "Send", "Split", "is_inference"]

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


class Door(Protocol):
    """What every way in can do, so that the composition root need not know which one it has.

    In order: listen, serve; then leave or hand over; drain; end.
    """

    @property
    def control(self) -> Path | None:
        """Where the control plane listens by itself, if it does."""

    @property
    def connections(self) -> int:
        """Clients that are connected."""

    def listen(self, host: str, port: int, sockets: Sequence[socket.socket]) -> int:
        """Open the port, or take listening sockets that are there; return the port. Raises AddressError."""

    def descriptors(self) -> list[int]:
        """List the listening sockets."""

    async def serve(self, control: ASGIApp) -> asyncio.Task[None]:
        """Serve the control plane, and inference where that is not the listener's; ends when that does."""

    def leave(self) -> None:
        """Make every answer the last one of its connection; new clients are still taken."""

    async def hand_over(self, control: Path | None) -> None:
        """Leave the listening sockets to a successor, whose control plane may be asked at ``control``."""

    async def drain(self, limit: float) -> bool:
        """Take no more clients; wait for the running requests, then cut them. True when all ended in time."""

    async def end(self) -> None:
        """Close what is left."""


class Split:
    """Sends inference paths to one application and every other path to another.

    It stands in front of the admin application instead of being mounted in it, so that its routing and its
    middleware cost an inference request nothing.
    """

    def __init__(self, inference: ASGIApp, control: ASGIApp) -> None:
        self.inference = inference
        self.control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        await (self.inference_of(scope) or self.control)(scope, receive, send)

    def inference_of(self, scope: Scope) -> ASGIApp | None:
        """Give the inference application where the path is one of its."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        return self.inference if scope["type"] == "http" and is_inference(path) else None
