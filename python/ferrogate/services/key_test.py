"""Tries a provider key with one real call: the list of models, which costs nothing and needs the key.

The call goes where the engine would send it, by the same proxy, with the same header and certificate. It
follows no redirect, and connects to the address that was checked, so that a name cannot resolve to another
one in between; by a proxy, the proxy says where names lead. Neither the key nor anything the provider
answered is quoted: providers repeat keys in their errors. What an error says is read as the engine reads it,
in every provider's shape, for whose failure it is.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ferrogate.config.addresses import is_refused
from ferrogate.engine.snapshot import Provider, Proxy

__all__ = ["KeyTest", "try_key"]

_TIMEOUT_S = 10.0
_LARGEST_ANSWER = 4 * 2**20


@dataclass(frozen=True, slots=True)
class KeyTest:
    """How it went.

    Attributes:
        ok: the provider took the key.
        status: what the provider answered; None where no answer came.
        latency_ms: until the answer's headers; None where no answer came.
        message: one sentence for a person.

    """

    ok: bool
    status: int | None
    latency_ms: float | None
    message: str


def try_key(provider: Provider, value: str, timeout_s: float = _TIMEOUT_S) -> KeyTest:
    """Ask the provider for its models with this key."""
    import httpx

    url = httpx.URL(_models_url(provider))
    reach, asked = provider.reach, url
    proxy = None if reach.proxy is None else _proxy(reach.proxy)
    try:
        if reach.proxy is not None and reach.proxy.scheme.startswith("socks"):
            return _unanswered(f"{provider.name} is reached by a SOCKS proxy, by which keys are not tested.")
        if proxy is None:
            port = url.port or (443 if url.scheme == "https" else 80)
            fixed = reach.addresses[0] if reach.addresses else url.host
            asked = url.copy_with(host=_checked_address(fixed, port))
    except _RefusedError as refusal:
        return KeyTest(ok=False, status=None, latency_ms=None, message=str(refusal))
    headers = {
        **provider.headers,
        "accept": "application/json",
        "accept-encoding": "identity",
        "host": url.netloc.decode(),
    }
    if value:
        headers[provider.auth.header] = f"{provider.auth.prefix}{value}"
    started = time.perf_counter()
    try:
        with httpx.Client(
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,
            verify=_trust(provider),
            proxy=proxy,
        ) as client:
            request = client.build_request("GET", asked, headers=headers)
            request.extensions["sni_hostname"] = provider.tls.server_name or url.host
            response = client.send(request, stream=True)
            try:
                latency_ms = round((time.perf_counter() - started) * 1_000, 1)
                body = _read(response, started + timeout_s)
            finally:
                response.close()
    except httpx.TimeoutException:
        return _unanswered(f"{url.host} did not answer within {timeout_s:g} s.")
    except httpx.HTTPError as error:
        return _unanswered(
            f"{url.host} could not be asked ({type(error).__name__}): check base_url and network."
        )
    ok, sentence = _judge(provider.name, response.status_code, body)
    return KeyTest(ok=ok, status=response.status_code, latency_ms=latency_ms, message=sentence)


class _RefusedError(Exception):
    pass


def _unanswered(sentence: str) -> KeyTest:
    return KeyTest(ok=False, status=None, latency_ms=None, message=sentence)


def _trust(provider: Provider) -> ssl.SSLContext | bool:
    """Trust whom the engine trusts: the provider's own authorities, SSL_CERT_FILE, or the usual ones."""
    tls = provider.tls
    named = os.environ.get("SSL_CERT_FILE", "").strip()
    if tls.ca is None and not named and tls.cert is None and not tls.newest:
        return True
    if tls.ca is not None:
        context = ssl.create_default_context(cadata=tls.ca)
    else:
        context = ssl.create_default_context(cafile=named or None)
    if tls.newest:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    if tls.cert is not None and tls.key is not None:
        with TemporaryDirectory() as folder:  # OpenSSL reads them from files alone
            chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
            for path, text in ((chain, tls.cert), (key, tls.key)):
                path.touch(0o600)
                path.write_text(text)
            context.load_cert_chain(chain, key)
    return context


def _proxy(proxy: Proxy) -> Any:
    import httpx

    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    auth = None if proxy.username is None else (proxy.username, proxy.password or "")
    scheme = "http" if proxy.scheme.startswith("socks") else proxy.scheme
    return httpx.Proxy(f"{scheme}://{host}:{proxy.port}", auth=auth)


def _models_url(provider: Provider) -> str:
    template = provider.templates.get("models", provider.templates.get("*", "/{path}"))
    path = template.replace("{path}", "models").replace("{model}", "")
    return f"{provider.base_url}{path}{'?' if provider.query else ''}{provider.query}"


def _checked_address(host: str, port: int) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise _RefusedError(f"{host} does not resolve to an address: check base_url.") from None
    addresses = [str(entry[4][0]) for entry in found]
    for text in addresses:
        if is_refused(ip_address(text.partition("%")[0])):
            raise _RefusedError(
                f"{host} resolves to a link-local or metadata address, which is never called: check base_url."
            )
    return addresses[0]


def _read(response: Any, deadline: float) -> bytes:
    """Read what was answered; nothing of what is too long or too slow."""
    body = bytearray()
    # As it came: unpacked, a few kilobytes of an answer that nobody asked to compress are gigabytes.
    for part in response.iter_raw():
        body += part
        if len(body) > _LARGEST_ANSWER or time.perf_counter() > deadline:
            return b""
    return bytes(body)


def _count_models(body: bytes) -> int | None:
    import json

    try:
        listed = json.loads(body)
    except ValueError:
        return None
    models = listed.get("data") if isinstance(listed, dict) else listed
    return len(models) if isinstance(models, list) else None


def _judge(provider: str, status: int, body: bytes) -> tuple[bool, str]:
    from ferrogate.reference.failure import Failure, codes_of  # its package loads an HTTP client

    models = _count_models(body)
    if 200 <= status < 300 and models is not None:
        return True, f"{provider} accepted the key and lists {models} model{'' if models == 1 else 's'}."
    if 200 <= status < 300:
        return False, f"{provider} answered {status}, but not with a list of models: is base_url right?"
    if Failure.of_status(status, codes_of(body)) is Failure.KEY:
        if status in (402, 429):
            return False, f"{provider} has no credit or quota left for the key ({status})."
        return False, f"{provider} refused the key ({status})."
    if status == 404:
        return False, f"{provider} has no list of models at this address (404): is base_url right?"
    if status == 429:
        return False, f"{provider} is limiting this key now (429): try again later."
    if 300 <= status < 400:
        return (
            False,
            f"{provider} answered with a redirect ({status}), which is never followed: is base_url right?",
        )
    return False, f"{provider} answered {status}: try again later."
