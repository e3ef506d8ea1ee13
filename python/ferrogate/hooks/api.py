"""The types that a hook is given and gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

__all__ = ["Change", "HookTimeout", "RequestContext", "ResponseContext", "Veto"]


class Veto(Exception):  # noqa: N818 - what a hook says, not what went wrong in it
    """Raise it to refuse a request, or an answer: the client gets a 403 ``hook_vetoed`` with the text.

    Args:
        message: one sentence for the client. What it should not read does not belong here.

    """

    def __init__(self, message: str = "The request was refused.") -> None:
        super().__init__(message)


class HookTimeout(BaseException):
    """Raised in a hook that is over its time, wherever it stands. Do not catch it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What ``on_request`` or ``on_response`` puts in the place of what it saw.

    Attributes:
        body: the new body, JSON; None leaves it.
        headers: sent beside: with ``on_request`` to the provider, with ``on_response`` to the client. One of
            the connection, of the body's framing, a credential or an ``x-gateway-`` header is left out.

    """

    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RequestContext:
    """What is known of a request beside its body. All hooks of one request see the same one.

    Attributes:
        request_id: the gateway's id, as in ``x-gateway-request-id`` and in the log.
        tenant: whose request it is; ``local`` where no gateway key is asked for.
        gateway_key: the id of that key; empty where none is asked for.
        model: as the client asked for it: an alias, or ``provider/model``.
        operation: such as ``chat.completions`` or ``embeddings``.
        door: ``native``, ``uvicorn`` or ``python``.
        stream: whether a stream was asked for.
        state: a dictionary of this request's own, for what ``on_request`` wants to tell ``on_event``.

    """

    request_id: str
    tenant: str
    gateway_key: str
    model: str
    operation: str
    door: str
    stream: bool
    raw_headers: bytes = field(default=b"", repr=False)
    state: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """The client's headers by lower-case name, without credentials; of several the last one."""
        lines = self.raw_headers.decode("latin-1").split("\n")
        return dict(line.split(": ", 1) for line in lines if line)


@dataclass(frozen=True, slots=True)
class ResponseContext:
    """What is known of an answer beside its body or events.

    Attributes:
        request: the request that it belongs to.
        status: of the answer; hooks see answers of 2xx alone.
        provider: who answered; empty where the gateway cannot say.
        model: as the provider was asked for it.
        cache: ``hit-exact``, ``hit-semantic``, ``joined``, ``miss``, ``bypass`` or ``off``.

    """

    request: RequestContext
    status: int
    provider: str
    model: str
    cache: str

    @property
    def state(self) -> dict[str, Any]:
        """The request's own dictionary."""
        return self.request.state
