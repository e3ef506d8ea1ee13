"""``providers.X.tls.ca``: a file with the authorities that a provider's certificate may be signed by.

The file is read with the configuration, so that the engine is given certificates and no paths, and a file
that cannot be used is a problem with a place before anything is sent.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Authorities", "read_authorities"]

_LARGEST_FILE = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Authorities:
    """Certificates in PEM, and the file that they are from."""

    path: str
    pem: str = field(repr=False)


def read_authorities(written: str, folder: Path) -> Authorities:
    """Read and check a file; a relative path starts at ``folder``. Raises ValueError."""
    path = folder / Path(written).expanduser()
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ValueError(
            f"cannot be read ({error.strerror or error}); name a file of certificates in PEM"
        ) from None
    if len(content) > _LARGEST_FILE:
        raise ValueError("is larger than 4 MiB; is it the right file?")
    try:
        pem = content.decode("ascii", "ignore")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise ValueError(
            "holds no certificate; name a file of certificates in PEM, -----BEGIN CERTIFICATE-----"
        ) from None
    return Authorities(str(path), pem)
