"""``providers.X.tls``: whom a provider's certificate may be signed by, and what is shown to a provider.

The files are read with the configuration, so that the engine is given certificates and no paths, and a file
that cannot be used is a problem with a place before anything is sent.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Authorities", "Identity", "read_authorities", "read_identity"]

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


@dataclass(frozen=True, slots=True)
class Identity:
    """A client certificate with its chain and its private key, in PEM, and the files that they are from."""

    cert_path: str
    key_path: str
    chain: str = field(repr=False)
    key: str = field(repr=False)


def read_identity(cert: str, key: str, folder: Path) -> Identity:
    """Read a client certificate and its key, and check that they belong together. Raises ValueError."""
    paths = [folder / Path(written).expanduser() for written in (cert, key)]
    texts = []
    for name, path in zip(("cert", "key"), paths, strict=True):
        try:
            with path.open("rb") as stream:
                content = stream.read(_LARGEST_FILE + 1)
        except OSError as error:
            raise ValueError(
                f"{name} cannot be read ({error.strerror or error}); name a file in PEM"
            ) from None
        if len(content) > _LARGEST_FILE:
            raise ValueError(f"{name} is larger than 4 MiB; is it the right file?")
        texts.append(content.decode("ascii", "ignore"))
    if "ENCRYPTED" in texts[1]:
        raise ValueError("key is encrypted; give one that is not, in a file that only the gateway reads")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(paths[0], paths[1], lambda: "")
    except ssl.SSLError as error:
        why = (
            "do not belong together"
            if error.reason == "KEY_VALUES_MISMATCH"
            else "are no certificate and key"
        )
        raise ValueError(f"cert and key {why}; both must be in PEM") from None
    return Identity(str(paths[0]), str(paths[1]), texts[0], texts[1])
