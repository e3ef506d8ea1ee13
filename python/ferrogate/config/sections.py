"""The settings of ``gateway.yaml`` that are not about providers: server, timeouts, limits, log, hedge, cache.

Python attributes carry their unit (``connect_ms``) and match :mod:`ferrogate.engine.snapshot`; the names that
people write (``connect``) are their aliases. ``model_fields_set`` tells what somebody said from what is a
default.
"""

from __future__ import annotations

import os
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ferrogate.config.base import Section, listed
from ferrogate.config.cache import Cache
from ferrogate.config.quantities import Bytes, Milliseconds, Share, Timeout
from ferrogate.config.urls import bind_address, host_name, is_loopback, origin

__all__ = ["Hedge", "Limits", "Log", "Server", "ServerTls", "Settings", "Timeouts"]

_AT_START = ("host", "port", "auth", "data", "door", "engine", "workers", "mock", "tls")


def _within_payload(value: int) -> int:
    if value > 2**20:
        raise ValueError("must be at most 1MiB")
    return value


HostName = Annotated[str, AfterValidator(host_name)]
Origin = Annotated[str, AfterValidator(origin)]


class ServerTls(Section):
    """What the native listener shows to clients. Both files are PEM, and are read again when they change."""

    cert: str = Field(min_length=1, description="the certificate, followed by those that signed it")
    key: str = Field(min_length=1, description="its private key: PKCS#8, SEC1 or RSA, not encrypted")


class Server(Section):
    """Where the gateway listens, who may call, and how it runs."""

    host: Annotated[str, AfterValidator(bind_address)] = Field(
        default="127.0.0.1", min_length=1, description="address to bind"
    )
    port: int = Field(default=8080, ge=0, le=65_535, description="0 picks a free one")
    auth: Literal["auto", "required", "off"] = Field(
        default="auto", description="auto asks for credentials unless host is loopback"
    )
    allowed_hosts: Annotated[tuple[HostName, ...], BeforeValidator(listed)] = Field(
        default=(), description="Host names beside localhost, 127.0.0.1 and [::1], where auth is off"
    )
    allowed_origins: Annotated[tuple[Origin, ...], BeforeValidator(listed)] = Field(
        default=(), description="web origins that may call from a browser"
    )
    expose_headers: bool = Field(default=True, description="send the x-gateway-* headers that name internals")
    data: str = Field(default="./data", min_length=1, description="folder of the state")
    door: Literal["native", "uvicorn"] = Field(default="native", description="who reads the socket")
    engine: Literal["rust", "python"] = Field(default="rust", description="who does the work")
    workers: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="engine threads; default: one a core, for an ASGI door the event loop's own",
    )
    drain_ms: Milliseconds = Field(
        default=30_000, alias="drain", description="time for running requests at the end"
    )
    drain_grace_ms: Milliseconds = Field(
        default=0,
        alias="drain_grace",
        description="time after SIGTERM in which requests are still taken, while /readyz says draining",
    )
    mock: bool = Field(default=False, description="add the scripted provider `mock`, inside the gateway")
    tls: ServerTls | None = Field(default=None, description="serve HTTPS; the native door only")

    @model_validator(mode="after")
    def _tls_is_native(self) -> Server:
        if self.tls is not None and (self.door != "native" or self.engine != "rust"):
            raise ValueError(
                "has tls, which only the native door of the Rust engine serves: remove tls and put a proxy"
                " that ends TLS in front, or leave door and engine as they are by default"
            )
        return self

    @property
    def auth_required(self) -> bool:
        """Whether callers must bring a credential. The configured bind decides, never the peer's address."""
        return self.auth == "required" or (self.auth == "auto" and not is_loopback(self.host))

    @property
    def threads(self) -> int:
        """Engine threads: the setting, or the cores this process may use."""
        return self.workers or len(
            os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
        )


class Timeouts(Section):
    """One clock a phase of a provider's answer."""

    connect_ms: Timeout = Field(default=10_000, alias="connect", description="connection, TLS included")
    headers_ms: Timeout = Field(default=600_000, alias="headers", description="until the response headers")
    idle_ms: Timeout = Field(default=300_000, alias="idle", description="between bytes of a stream")
    json_ms: Timeout = Field(default=600_000, alias="json", description="a whole JSON request")
    deadline_ms: Timeout = Field(default=600_000, alias="deadline", description="all attempts together")

    def overrides(self) -> dict[str, int]:
        """Return what somebody said, by attribute name, in milliseconds."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Limits(Section):
    """Bounds of the listener and of memory."""

    client_headers_ms: Timeout = Field(
        default=10_000, alias="client_headers", description="for a client's headers"
    )
    client_headers_bytes: Bytes = Field(
        default=65_536, alias="client_headers_size", description="of a client's headers"
    )
    client_body_idle_ms: Timeout = Field(
        default=30_000, alias="client_body_idle", description="between body parts"
    )
    client_keepalive_ms: Timeout = Field(
        default=75_000, alias="client_keepalive", description="of an idle connection"
    )
    client_stall_ms: Timeout = Field(
        default=300_000, alias="client_stall", description="for a reader that stands still"
    )
    json_body_bytes: Bytes = Field(
        default=32 * 2**20, alias="json_body", description="of one JSON body; more is a 413"
    )
    buffered_bytes: Bytes = Field(
        default=256 * 2**20, alias="buffered", description="of all buffered bodies together"
    )
    stream_body_bytes: Bytes = Field(
        default=2**30, alias="stream_body", description="of a body that streams through"
    )
    answer_bytes: Bytes = Field(
        default=2**20, alias="answer", description="of an answer that is collected before it is sent"
    )
    max_connections: int = Field(default=16_384, ge=1, le=1_000_000, description="of clients at one time")
    client_streams: int = Field(
        default=128, ge=1, le=65_536, description="requests at one time on one HTTP/2 connection"
    )


class Log(Section):
    """What the process itself says on standard error, and what the request log keeps."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    retention_ms: Timeout = Field(default=30 * 86_400_000, alias="retention", description="of requests")
    rows: int = Field(default=1_000_000, ge=1, description="of requests, the newest")
    chart_retention_ms: Timeout = Field(
        default=90 * 86_400_000, alias="chart_retention", description="of the counts a minute"
    )
    payloads: bool = Field(default=True, description="keep bodies; an alias may say otherwise for itself")
    payload_limit_bytes: Annotated[Bytes, AfterValidator(_within_payload)] = Field(
        default=64_000, alias="payload_limit", description="of one body; at most 1MiB"
    )
    payload_retention_ms: Timeout = Field(
        default=7 * 86_400_000, alias="payload_retention", description="of bodies"
    )
    payload_total_bytes: Bytes = Field(
        default=2 * 10**9, alias="payload_size", description="of all bodies on disk, packed"
    )


class Hedge(Section):
    """A second lane for a request whose first one is late; an alias may say otherwise for itself."""

    enabled: bool = Field(default=False, description="ask a second lane too; the first answer is taken")
    budget: Share = Field(default=0.05, description="part of the requests that may be asked twice, at most")


class Settings(Section):
    """Everything that is one value and not a list of providers, keys or aliases."""

    server: Server = Field(default_factory=Server)
    timeouts: Timeouts = Field(default_factory=Timeouts)
    limits: Limits = Field(default_factory=Limits)
    log: Log = Field(default_factory=Log)
    hedge: Hedge = Field(default_factory=Hedge)
    cache: Cache = Field(default_factory=Cache)
    affinity: bool = Field(
        default=True,
        description="one conversation stays on one lane while that does well; an alias may say otherwise",
    )

    def restart_needed(self, other: Settings) -> list[str]:
        """Name the settings that differ and that a running gateway cannot change."""
        return [
            f"server.{name}"
            for name in _AT_START
            if getattr(self.server, name) != getattr(other.server, name)
        ]

    def keeping(self, running: Settings) -> Settings:
        """Return these settings with what ``running`` was started with.

        A gateway that is bound to every address must not lose its credentials because the file now names a
        loopback address for its next start.
        """
        pinned = {name: getattr(running.server, name) for name in _AT_START}
        return self.model_copy(update={"server": self.server.model_copy(update=pinned)})
