"""The HTTP client that speaks to providers, and what goes into a request to one.

One ``httpx.AsyncClient`` for all providers, as an idiomatic Python proxy would have it. Its connection pool
searches its connections for every request, so the cost of a request grows with the number of connections;
that is a property of the baseline and is shown as such by the benchmark, not tuned away.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

import httpcore
import httpx

from ferrogate.config.addresses import is_refused
from ferrogate.engine.snapshot import Provider, Proxy
from ferrogate.reference.climb import climbs
from ferrogate.reference.errors import RequestError
from ferrogate.reference.identify import CREDENTIAL_HEADERS
from ferrogate.reference.resolve import Lane
from ferrogate.reference.route import Route

__all__ = ["WIRE", "Headers", "Wire", "build_request", "failure_kind", "make_client", "response_headers"]

Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Wire:
    """What happened to one request on the wire: a connection was opened, a byte of the answer came."""

    opened: bool = False
    heard: bool = False

    @property
    def stale(self) -> bool:
        """Whether a failure means that a reused connection had died: nothing came on one not opened here."""
        return not self.opened and not self.heard


WIRE: ContextVar[Wire] = ContextVar("wire")
"""Set by the sender, filled by the dialler and by its connections, which run in the sender's task."""

_HOP_BY_HOP: Final = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "expect",
    ]
)
_DROPPED_UP: Final = _HOP_BY_HOP | frozenset(
    [
        *CREDENTIAL_HEADERS,
        "proxy-authorization",
        "cookie",
        "host",
        "content-length",
        "accept-encoding",
        "forwarded",
    ]
)
_DROPPED_DOWN: Final = _HOP_BY_HOP | frozenset(
    [
        "proxy-authenticate",
        "set-cookie",
        "content-length",
        "date",
        "server",
        # What an answer says about the origin that it comes from: the client's is the gateway.
        "alt-svc",
        "clear-site-data",
        "nel",
        "report-to",
        "reporting-endpoints",
        "service-worker-allowed",
        "set-cookie2",
        "strict-transport-security",
    ]
)


class _DnsError(httpcore.ConnectError):
    """The provider's name does not resolve."""


class _AddressRefusedError(httpcore.ConnectError):
    """The provider's name resolves to an address that the gateway never calls."""


class _Connection(httpcore.AsyncNetworkStream):
    """A connection that tells the request on it when the answer begins."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self.write = inner.write  # type: ignore[method-assign]
        self.aclose = inner.aclose  # type: ignore[method-assign]
        self.get_extra_info = inner.get_extra_info  # type: ignore[method-assign]

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's
        data = await self._inner.read(max_bytes, timeout)
        if data and (wire := WIRE.get(None)) is not None:
            wire.heard = True
        return data

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's
    ) -> httpcore.AsyncNetworkStream:
        return _Connection(await self._inner.start_tls(ssl_context, server_hostname, timeout))


class _Dialler(httpcore.AsyncNetworkBackend):
    """Resolves names itself: a link-local address (cloud metadata) is refused whatever name leads to it."""

    def __init__(self, fixed: Sequence[str] = ()) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._fixed = fixed

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        if (wire := WIRE.get(None)) is not None:
            wire.opened = True
        try:
            if self._fixed:
                return await self._first(
                    list(self._fixed), host, port, timeout, local_address, socket_options
                )
            async with asyncio.timeout(timeout):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"resolving {host} took too long") from error
        except OSError as error:
            raise _DnsError(f"{host} does not resolve: {error.strerror or error}") from error
        addresses = [str(entry[4][0]) for entry in found]
        return await self._first(addresses, host, port, timeout, local_address, socket_options)

    async def _first(
        self,
        addresses: list[str],
        host: str,
        port: int,
        timeout: float | None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> httpcore.AsyncNetworkStream:
        for address in addresses:
            if is_refused(ipaddress.ip_address(address.partition("%")[0])):
                raise _AddressRefusedError(f"{host} resolves to {address}, which is never called")
        for last, address in enumerate(addresses, start=1 - len(addresses)):
            try:
                dialled = self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
                return _Connection(await dialled)
            except httpcore.ConnectError:
                if last == 0:
                    raise
        raise _DnsError(f"{host} has no address")

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def make_client() -> httpx.AsyncClient:
    """Make the client: no redirects, no netrc, proxies as the snapshot says, no bound on connections."""
    return httpx.AsyncClient(transport=_ByWay(), trust_env=False, follow_redirects=False)


@dataclass(frozen=True, slots=True)
class Way:
    """How a provider is reached: a connection of one way is no other's."""

    authorities: str | None = None
    newest_tls: bool = False
    addresses: tuple[str, ...] = ()
    proxy: Proxy | None = None

    @classmethod
    def of(cls, provider: Provider) -> Way:
        """Return a provider's."""
        reach = provider.reach
        return cls(provider.tls.ca, provider.tls.newest, tuple(reach.addresses), reach.proxy)


class _ByWay(httpx.AsyncBaseTransport):
    """One pool for each way to a provider."""

    def __init__(self) -> None:
        self._transports: dict[Way, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        way = request.extensions.get("way", Way())
        transport = self._transports.get(way)
        if transport is None:
            transport = self._transports[way] = _transport(way)
        return await transport.handle_async_request(request)

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()


def _transport(way: Way) -> httpx.AsyncHTTPTransport:
    transport = httpx.AsyncHTTPTransport(trust_env=False)
    own = None if way.authorities is None else ssl.create_default_context(cadata=way.authorities)
    context = own or httpx.create_ssl_context()
    if way.newest_tls:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    # httpx has no parameter for the dialler; the pools that take one are httpcore's public classes.
    if way.proxy is None:
        transport._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=None,
            keepalive_expiry=60.0,
            network_backend=_Dialler(way.addresses),
        )
        return transport
    proxy = way.proxy
    if proxy.scheme.startswith("socks"):
        raise httpx.UnsupportedProtocol("the Python engine speaks to http and https proxies only")
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    transport._pool = httpcore.AsyncHTTPProxy(
        proxy_url=f"{proxy.scheme}://{host}:{proxy.port}",
        proxy_auth=None if proxy.username is None else (proxy.username, proxy.password or ""),
        ssl_context=context,
        max_connections=None,
        max_keepalive_connections=None,
        keepalive_expiry=60.0,
        network_backend=_Dialler(),
    )
    return transport


def build_request(
    route: Route,
    lane: Lane,
    body: bytes,
    query: bytes,
    headers: Sequence[tuple[bytes, bytes]],
    families: Sequence[str],
) -> httpx.Request:
    """Build the request of a lane: the provider's URL and credential, the client's headers less ours."""
    provider = lane.provider
    own = tuple(provider.forward_headers)
    out: Headers = []
    listed = {
        part.strip().lower()
        for name, value in headers
        if name == b"connection"
        for part in value.decode("latin-1").split(",")
    }
    for name, value in headers:
        text = name.decode("latin-1")
        if text in _DROPPED_UP or text in listed or text.startswith(("x-gateway-", "x-forwarded-")):
            continue
        if text.startswith(tuple(families)) and not text.startswith(own):
            continue
        if text not in provider.headers and text != provider.auth.header:
            out.append((name, value))
    out.append((b"accept-encoding", b"identity"))
    out += [(name.encode(), value.encode()) for name, value in provider.headers.items()]
    if lane.key.value:
        out.append((provider.auth.header.encode(), f"{provider.auth.prefix}{lane.key.value}".encode()))
    method = "GET" if route.operation == "models" else "POST"
    extensions = {
        "timeout": {"connect": provider.timeouts.connect_ms / 1000},
        "way": Way.of(provider),
    }
    return httpx.Request(
        method, _url(provider, route, lane.model, query), headers=out, content=body, extensions=extensions
    )


def _url(provider: Provider, route: Route, model: str, query: bytes) -> str:
    template = provider.templates.get(route.operation) or provider.templates.get("*", "/{path}")
    if "{model}" in template and climbs(model):
        raise RequestError("invalid_request", "The path is not valid.", param="model")
    path = template.replace("{model}", quote(model, safe="")).replace("{path}", route.path)
    # Gemini's clients may send their credential as a parameter; it stays here as those in headers do.
    asked = [pair for pair in query.decode("latin-1").split("&") if unquote(pair.partition("=")[0]) != "key"]
    parameters = "&".join(part for part in (provider.query, "&".join(asked)) if part)
    return f"{provider.base_url}{path}" + (f"?{parameters}" if parameters else "")


def response_headers(answer: httpx.Response) -> Headers:
    """Return the provider's headers that the client may see; length and date are written anew."""
    listed = {name.strip().lower() for name in answer.headers.get("connection", "").split(",")}
    out: Headers = []
    for raw_name, value in answer.headers.raw:
        name = raw_name.lower()
        text = name.decode("latin-1")
        if text in _DROPPED_DOWN or text in listed or text.startswith(("x-gateway-", "access-control-")):
            continue
        out.append((name, value))
    return out


def failure_kind(error: Exception) -> str:
    """Return the stable identifier of a transport error that came before the answer."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _DnsError):
            return "upstream_dns"
        if isinstance(cause, _AddressRefusedError):
            return "address_refused"
        if isinstance(cause, ssl.SSLError):
            return "upstream_tls"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "upstream_timeout"
    if isinstance(error, httpx.ConnectError | httpx.UnsupportedProtocol | httpx.InvalidURL):
        return "upstream_connect"
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error):
        return "upstream_invalid"
    return "upstream_reset"
