"""A certificate authority of the test's own, and servers' certificates that it signed."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

__all__ = ["Certificates", "make_certificates"]


PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Certificates:
    """Files: the authority that is to be trusted, and what a server for localhost shows."""

    authority: Path
    chain: Path
    key: Path


def make_certificates(
    folder: Path,
    names: Sequence[str] = ("localhost", "127.0.0.1"),
    *,
    server_key: PrivateKey | None = None,
    days: int = 2,
) -> Certificates:
    """Sign a certificate for some names and addresses by a fresh authority.

    Args:
        folder: where the files are written.
        names: the first one is the subject's.
        server_key: default: a fresh one.
        days: until the server's certificate expires; a negative number is in the past.

    """
    authority_key = ec.generate_private_key(ec.SECP256R1())
    server_key = server_key or ec.generate_private_key(ec.SECP256R1())
    authority_name, server_name = _name("test authority"), _name(names[0])
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    authority = (
        _builder(authority_name, authority_name, authority_key)
        .add_extension(constraints, critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    server = (
        _builder(server_name, authority_name, server_key, days)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    made = Certificates(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    pem = serialization.Encoding.PEM
    made.authority.write_bytes(authority.public_bytes(pem))
    made.chain.write_bytes(server.public_bytes(pem))
    private = serialization.PrivateFormat.PKCS8
    made.key.write_bytes(server_key.private_bytes(pem, private, serialization.NoEncryption()))
    return made


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, days: int = 2
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=3))
        .not_valid_after(now + dt.timedelta(days=days))
    )
