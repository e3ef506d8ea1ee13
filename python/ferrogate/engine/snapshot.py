"""The one document that crosses into the engine when configuration changes.

Python describes, Rust compiles: these models and ``rust/core/src/snapshot/schema.rs`` are the two ends of one
wire. Both refuse unknown fields. ``docs/snapshot.schema.json`` is generated from here and compared in CI.
Times are milliseconds, sizes bytes. Secrets are in the clear here and nowhere else: a snapshot is never
written or logged.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "VERSION",
    "Alias",
    "Auth",
    "Cache",
    "Exact",
    "GatewayKey",
    "Hedge",
    "Hook",
    "Key",
    "KeyAuth",
    "Limits",
    "Log",
    "Provider",
    "ProviderTls",
    "Proxy",
    "Quirks",
    "Reach",
    "Snapshot",
    "Target",
    "Timeouts",
]

VERSION = 1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class GatewayKey(_Strict):
    """A client credential: only the hash crosses."""

    id: str
    name: str
    tenant: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the secret, hex")


class Auth(_Strict):
    """Who may call.

    With ``required`` false every caller is tenant ``local``, and Host and Origin are checked.
    """

    required: bool
    gateway_keys: list[GatewayKey] = []
    allowed_hosts: list[str] = Field([], description="beside localhost, 127.0.0.1, [::1]; no port; * for all")
    allowed_origins: list[str] = Field([], description="scheme://host[:port]; * for all, no CORS headers")


class Timeouts(_Strict):
    """One clock a phase, in milliseconds; see INTERFACES for the defaults."""

    connect_ms: int = 10_000
    headers_ms: int = 600_000
    idle_ms: int = 300_000
    json_ms: int = 600_000
    deadline_ms: int = 600_000


class Limits(_Strict):
    """Bounds of the listener and of memory."""

    client_headers_ms: int = 10_000
    client_headers_bytes: int = 65_536
    client_body_idle_ms: int = 30_000
    client_keepalive_ms: int = 75_000
    client_stall_ms: int = 300_000
    json_body_bytes: int = 32 * 2**20
    buffered_bytes: int = 256 * 2**20
    stream_body_bytes: int = 2**30
    answer_bytes: int = 2**20
    max_connections: int = 16_384
    client_streams: int = 128


class Log(_Strict):
    """What is kept of bodies, beside a request's row."""

    payloads: bool = True
    payload_limit_bytes: int = 64_000
    payload_retention_ms: int = 7 * 86_400_000
    payload_total_bytes: int = 2 * 10**9


class Hedge(_Strict):
    """A second lane for a request whose first one is late: after the p95 of its time to first token."""

    enabled: bool = False
    budget: float = Field(0.05, ge=0, le=1, description="so many of the requests, at most: 0.05 is one in 20")


class Exact(_Strict):
    """Equal requests get the answer that was kept."""

    enabled: bool = False
    ttl_ms: int = Field(300_000, gt=0, description="how long an answer is fresh")
    stale_ms: int = Field(0, ge=0, description="how long beyond that it may be served")
    tool_calls: bool = Field(False, description="keep answers that call tools")
    coalesce: bool = Field(True, description="equal requests at one time share one call")
    ignore: list[str] = Field([], description="members of the request that make no difference")


class Verify(_Strict):
    """Some semantic hits are asked upstream as well."""

    share: float = Field(ge=0, le=1, description="of the hits")
    target: float = Field(gt=0, lt=1, description="the share of hits that may be wrong")
    per_minute: int = Field(ge=1, description="background calls")
    freeze: bool = Field(description="the threshold stays where it is")


class Semantic(_Strict):
    """A request that means the same gets the same answer."""

    enabled: bool = False
    threshold: float = Field(0.8, ge=0, le=1, description="the similarity that is enough")
    verify: Verify | None = Field(None, description="None where hits are taken as they are")


class Cache(_Strict):
    """Answers that are kept and served again."""

    exact: Exact = Exact()
    semantic: Semantic = Semantic()


EmbedderModel = Literal["hashed"] | dict[Literal["minilm", "provider"], str]
"""``{"minilm": folder}``, ``{"provider": "openai/text-embedding-3-small"}`` or ``"hashed"``."""


class Embedder(_Strict):
    """What makes vectors of questions."""

    model: EmbedderModel
    threads: int = Field(ge=1)
    queue: int = Field(ge=1, description="texts that wait; a request beyond them is a miss")


class KeyAuth(_Strict):
    """``{header}: {prefix}{key}``."""

    header: str
    prefix: str


class Key(_Strict):
    """One provider key. ``id`` is stable across snapshots: lane state hangs on it."""

    id: str
    name: str
    value: str = Field(repr=False)
    weight: float = Field(ge=0)
    models: list[str] = Field(
        ["*"], description="names this key may serve; * for all; a trailing * is a prefix"
    )
    enabled: bool = True


class ProviderTls(_Strict):
    """How a provider is trusted."""

    ca: str | None = Field(None, description="authorities in PEM, instead of the system's")
    cert: str | None = Field(None, description="a client certificate and its chain in PEM")
    key: str | None = Field(None, repr=False, description="its private key in PEM")
    server_name: str | None = Field(None, description="in its certificate, where it is not the host")
    newest: bool = Field(False, description="TLS 1.3 alone")


class Proxy(_Strict):
    """Who carries connections."""

    scheme: Literal["http", "https", "socks5", "socks5h"]
    host: str
    port: int
    username: str | None = Field(None, repr=False)
    password: str | None = Field(None, repr=False)


class Reach(_Strict):
    """How connections to a provider are made."""

    proxy: Proxy | None = None
    addresses: list[str] = Field([], description="in the place of what the resolver says")
    dns_ttl_ms: int = Field(30_000, ge=0, description="how long an answer of the resolver holds")
    connections_per_second: float | None = None
    warm: int = Field(0, ge=0, description="connections that each engine thread keeps open")


class Quirks(_Strict):
    """What a provider understands differently in a chat completion."""

    rename: dict[str, str] = Field({}, description="OpenAI's name: the provider's")
    unsupported: list[str] = Field([], description="members that it refuses: they are left out, and told of")
    required: dict[str, Any] = Field({}, description="what it is sent where the client says nothing")


class Provider(_Strict):
    """One provider, everything resolved. ``configured`` is false where nobody gave it a key or an entry."""

    name: str
    kind: str
    dialect: Literal["openai", "anthropic"]
    base_url: str
    auth: KeyAuth
    templates: dict[str, str]
    query: str = Field("", repr=False)
    headers: dict[str, str] = Field({}, repr=False)
    forward_headers: list[str] = []
    quirks: Quirks = Quirks()
    timeouts: Timeouts = Timeouts()
    http2: Literal["auto", "off"] = "auto"
    tls: ProviderTls = ProviderTls()
    reach: Reach = Reach()
    keyless: bool = False
    configured: bool = True
    key_hint: str = Field("", description="ways to add a key, for the 401 that says there is none")
    keys: list[Key] = []


class Target(_Strict):
    """One entry of an alias. A weight puts it in the drawn tier; without one it keeps its place in line."""

    provider: str
    model: str
    weight: float | None = Field(None, gt=0)


class Alias(_Strict):
    """A name that clients ask for, and where it leads."""

    name: str
    targets: list[Target] = Field(min_length=1)
    payloads: bool | None = Field(None, description="keep bodies; null leaves it to log")
    hedge: Hedge | None = Field(None, description="null leaves it to the top level")
    affinity: bool | None = Field(None, description="null leaves it to the top level")
    cache: Cache | None = Field(None, description="null leaves it to the top level")
    hooks: list[int] | None = Field(None, description="null leaves them to the top level")


class Hook(_Strict):
    """A hook's bounds. Its code is handed over beside, under the same number."""

    id: int = Field(ge=1, description="of one version of its code")
    stages: list[Literal["request", "response", "event"]] = Field(description="what it sees")
    timeout_ms: int = Field(ge=1, description="for one call")
    open: bool = Field(description="where it fails the request goes on without it")


class Snapshot(_Strict):
    """Everything the engine knows."""

    version: Literal[1] = 1
    auth: Auth
    limits: Limits = Limits()
    log: Log = Log()
    expose_headers: bool = Field(True, description="send the x-gateway-* headers that name internals")
    hedge: Hedge = Hedge()
    affinity: bool = Field(True, description="one conversation stays on one lane while that does well")
    cache: Cache = Cache()
    cache_bytes: int = Field(256 * 10**6, ge=1, description="memory of all kept answers together")
    embedder: Embedder | None = Field(None, description="None where nothing is compared by meaning")
    installed_hooks: list[Hook] = Field([], description="all there are")
    hooks: list[int] = Field([], description="those of a route that says nothing of them, in order")
    providers: list[Provider] = []
    aliases: list[Alias] = []
