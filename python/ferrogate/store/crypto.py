"""Encryption at rest: AES-256-GCM under one master key.

A sealed value is one version byte, a 12-byte random nonce, the ciphertext and its tag. The associated
data names the row and column, so a ciphertext copied into another row does not open.

The master key is ``GATEWAY_MASTER_KEY``, 32 random bytes as base64 or 64 hex digits (``openssl rand
-base64 32``), or else the file ``master.key`` (0600) in the data folder, made at the first start. A
passphrase is refused rather than stretched: a key that people can remember is one that a stolen database
lets others guess.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from ferrogate.errors import DecryptionError, StoreError

__all__ = ["KEY_BYTES", "MASTER_KEY_FILE", "MASTER_KEY_VARIABLE", "Cipher", "load_master_key"]

KEY_BYTES = 32
MASTER_KEY_FILE = "master.key"
MASTER_KEY_VARIABLE = "GATEWAY_MASTER_KEY"
_VERSION = b"\x01"
_NONCE_BYTES = 12


class Cipher:
    """Seals and opens strings."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._aead = AESGCM(key)

    def seal(self, text: str, associated: str) -> bytes:
        """Encrypt; ``associated`` must be given again to open."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._aead.encrypt(nonce, text.encode(), associated.encode())

    def open(self, sealed: bytes, associated: str) -> str:
        """Decrypt.

        Raises:
            DecryptionError: another master key sealed it, or the bytes were changed or moved from another
                row.

        """
        from cryptography.exceptions import InvalidTag

        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] != _VERSION:
                raise InvalidTag
            return self._aead.decrypt(nonce, body, associated.encode()).decode()
        except (InvalidTag, ValueError):
            raise DecryptionError(
                f"the master key does not open the stored secret of {associated}: start with the"
                f" {MASTER_KEY_VARIABLE} or the {MASTER_KEY_FILE} that it was stored under, or remove it"
                " (gateway keys remove) and add it again"
            ) from None


def load_master_key(folder: Path, environ: Mapping[str, str]) -> bytes:
    """Return the key of the environment, else of the data folder, else a fresh one put there.

    Raises:
        StoreError: it is not 32 bytes in base64 or hex, or the file cannot be read or made.

    """
    if given := environ.get(MASTER_KEY_VARIABLE, "").strip():
        return _decode(given, MASTER_KEY_VARIABLE)
    path = folder / MASTER_KEY_FILE
    try:
        return _decode(path.read_text(encoding="ascii", errors="replace").strip(), str(path))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StoreError(f"the master key {path} cannot be read ({error.strerror})") from error
    key = secrets.token_bytes(KEY_BYTES)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(base64.b64encode(key) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError:  # another process was first, and its key is the one that counts
        return _decode(path.read_text(encoding="ascii", errors="replace").strip(), str(path))
    except OSError as error:
        raise StoreError(f"the master key {path} cannot be made ({error.strerror})") from error
    return key


def _decode(text: str, origin: str) -> bytes:
    try:
        if len(text) == 2 * KEY_BYTES:
            return bytes.fromhex(text)
        key = base64.b64decode(
            text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4), validate=True
        )
        if len(key) == KEY_BYTES:
            return key
    except (ValueError, binascii.Error):
        pass
    raise StoreError(
        f"{origin} is not a master key: it must be 32 random bytes in base64 or 64 hex digits; make one with:"
        " openssl rand -base64 32"
    )
