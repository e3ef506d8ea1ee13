"""Proxies: how one is written, and which one a provider is reached by.

The nearest word counts: the provider's own, the file's ``network.proxy``, then the variables that curl and
Python's clients read. This machine itself, and what ``NO_PROXY`` names, is never reached by a proxy that was
not written for the provider.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final, Literal, cast
from urllib.parse import unquote, urlsplit

from ferrogate.config.addresses import is_refused, literal
from ferrogate.config.urls import is_loopback

__all__ = ["OFF", "Proxy", "check_variables", "choose_proxy", "parse_proxy"]

Scheme = Literal["http", "https", "socks5", "socks5h"]
OFF: Final = "off"
_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy.

    Attributes:
        scheme: ``http`` (CONNECT), ``https`` (the same inside of TLS), ``socks5`` (names are resolved here)
            or ``socks5h`` (by the proxy).
        said_by: where it was written, for people.

    """

    scheme: Scheme
    host: str
    port: int
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    said_by: str = ""

    @property
    def shown(self) -> str:
        """The URL without its credential."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{'***@' if self.username else ''}{host}:{self.port}"


def parse_proxy(text: str, said_by: str = "") -> Proxy:
    """Read a proxy's URL. Raises ValueError with a sentence that never holds the URL, nor its password."""
    example = "http://USER:PASSWORD@proxy.example:3128"
    written = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(written.strip())
        port = parts.port
    except ValueError:
        raise ValueError(f"is no proxy; write it like {example}") from None
    scheme = "socks5" if parts.scheme == "socks" else parts.scheme
    if scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"is no proxy of the kinds http, https, socks5 and socks5h; write it like {example}")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"has a path, which a proxy has not; write it like {example}")
    address = literal(parts.hostname)
    if address is not None and is_refused(address):
        raise ValueError("is a link-local or metadata address, where clouds keep machine credentials")
    return Proxy(
        cast("Scheme", scheme),
        parts.hostname,
        port or _PORTS[scheme],
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
        said_by,
    )


def choose_proxy(
    url: str,
    own: str | None,
    top: str | None,
    passes: Iterable[str],
    environ: Mapping[str, str],
) -> Proxy | None:
    """Return the proxy by which a base URL is reached; None for none.

    Args:
        url: the provider's.
        own: what the provider's section says: a proxy's URL, ``off`` or nothing.
        top: the same of ``network.proxy``.
        passes: what is reached without, beside ``NO_PROXY``.
        environ: the environment, its variables checked.

    Raises:
        ValueError: what was written is no proxy.

    """
    if own is not None:
        return None if own == OFF else parse_proxy(own, "the provider's section")
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    listed = [*passes, *_variable(environ, "no_proxy")[1].split(",")]
    if top == OFF or is_loopback(host) or any(_covers(entry, host, port) for entry in listed):
        return None
    if top is not None:
        return parse_proxy(top, "network.proxy")
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        variable, text = _variable(environ, name)
        if text:
            return parse_proxy(text, variable)
    return None


def check_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with each variable that holds no proxy, by its name."""
    wrong = {}
    for name in ("https_proxy", "http_proxy", "all_proxy"):
        variable, text = _variable(environ, name)
        try:
            if text:
                parse_proxy(text)
        except ValueError as error:
            wrong[variable] = str(error)
    return wrong


def _variable(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """Find a variable as others do: its lower-case spelling first."""
    for spelling in (name, name.upper()):
        if text := environ.get(spelling, "").strip():
            return spelling, text
    return name, ""


def _covers(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY names a host: a name and those below it, an address, a network, ``*``."""
    entry = entry.strip().lower()
    if not entry:
        return False
    if entry == "*":
        return True
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdigit() and ":" not in name.strip("[]"):
        if int(wanted) != port:
            return False
        entry = name
    elif entry.startswith("[") and "]:" in entry:
        name, _, wanted = entry.rpartition(":")
        if wanted != str(port):
            return False
        entry = name
    host, entry = host.lower().rstrip("."), entry.strip("[]")
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        bare = entry.removeprefix("*").strip(".")
        return bool(bare) and (host == bare or host.endswith(f".{bare}"))
