"""Addresses that no request is sent to: link-local ones, and those of clouds' metadata services.

``rust/core/src/address.rs`` knows the same ones; ``tests/golden/addresses.json`` holds both to it.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

__all__ = ["is_refused", "literal"]

Address = IPv4Address | IPv6Address

_METADATA = frozenset(
    map(
        ip_address,
        [
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle
            "168.63.129.16",  # Azure's host agent
            "fd00:ec2::254",  # AWS
            "fd00:ec2::23",  # AWS, credentials of pods
            "fd20:ce::254",  # Google
        ],
    )
)
_LINK_LOCAL_4 = IPv4Network("169.254.0.0/16")
_LINK_LOCAL_6 = IPv6Network("fe80::/10")
_HOLDING_IPV4 = tuple(map(IPv6Network, ["::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"]))
"""Networks whose last 32 bits are an IPv4 address: the compatible and the mapped form, and NAT64."""
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)(\.(0[xX][0-9a-fA-F]*|[0-9]+)){0,3}", re.ASCII)


def literal(host: str) -> Address | None:
    """Return the address that a host is, in every spelling that a resolver takes for one; None for a name.

    ``2852039166`` and ``0xA9.0xFE.43518`` are 169.254.169.254 to the C library.
    """
    bare = host.strip("[]").partition("%")[0].removesuffix(".")
    try:
        return ip_address(bare)
    except ValueError:
        pass
    if _NUMBER.fullmatch(bare):
        try:
            return IPv4Address(socket.inet_aton(bare))
        except OSError:
            pass
    return None


def is_refused(address: Address) -> bool:
    """Whether an address is never called. Private and loopback addresses are: models run there."""
    if address in _METADATA:
        return True
    if isinstance(address, IPv4Address):
        return address in _LINK_LOCAL_4
    inner = _embedded(address)
    return address in _LINK_LOCAL_6 or (inner is not None and is_refused(inner))


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if any(address in network for network in _HOLDING_IPV4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour
