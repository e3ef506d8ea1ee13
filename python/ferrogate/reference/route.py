"""Which operation a path asks for.

The prefix fixes the dialect and the provider of last resort; what stands behind ``/v1/`` is the operation.
The Python engine serves chat, completions, embeddings, moderations and the model list; all else is a 501 that
says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ferrogate.reference.errors import RequestError

__all__ = ["Route", "find_route"]

_MIRRORS: Final = ("litellm", "langchain", "pydanticai")
_OTHER_DIALECTS: Final = {
    "anthropic": "Anthropic",
    "genai": "Gemini",
    "bedrock": "Bedrock",
    "cohere": "Cohere",
}
_TREES: Final = ("openai", "v1", *_OTHER_DIALECTS)
_POST: Final = {
    "chat/completions": "chat.completions",
    "completions": "completions",
    "embeddings": "embeddings",
    "moderations": "moderations",
}


@dataclass(frozen=True, slots=True)
class Route:
    """One operation.

    Attributes:
        operation: as in :data:`ferrogate.providers.base.Operation`.
        path: the client's path below ``/v1/``, percent-encoded as it came.
        provider: the prefix's own provider.

    """

    operation: str
    path: str
    provider: str


def find_route(method: str, path: str) -> Route:
    """Find the operation of a request.

    Raises:
        RequestError: ``route_not_found`` for a path that is no inference route, ``not_supported`` for one
        that this
            engine leaves out.

    """
    parts = path.split("/")[1:]
    prefix = parts.pop(0) if parts else ""
    if prefix in _MIRRORS:
        prefix = parts.pop(0) if parts and parts[0] in _TREES else "v1"
    if prefix in _OTHER_DIALECTS:
        dialect = _OTHER_DIALECTS[prefix]
        raise RequestError("not_supported", f"The {dialect} dialect is not served by the Python engine.")
    if prefix not in _TREES:
        raise RequestError(
            "route_not_found", f"No inference route at {path}; try /openai/v1/chat/completions."
        )
    if prefix == "openai" and parts and parts[0] == "v1":
        parts.pop(0)
    below = "/".join(parts)
    if not below:
        raise RequestError("route_not_found", f"{path} is a base URL; the operation is missing behind it.")
    if method == "POST" and below in _POST:
        return Route(_POST[below], below, "openai")
    if method == "GET" and parts[0] == "models":
        return Route("models", below, "openai")
    raise RequestError(
        "not_supported",
        f"{method} {below} is not served by the Python engine, which covers chat/completions, completions, "
        "embeddings, moderations and models; run the gateway without --engine python for everything else.",
    )
