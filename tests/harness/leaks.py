"""Finds a secret in whatever was written: as it is, and in the forms in which one hides by accident."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

__all__ = ["Leak", "find", "forms", "made_up", "written"]

_HASH_PREFIX = 16
"""Hex digits: what a careless log shows of a hash, and enough to recognise a secret by."""


@dataclass(frozen=True)
class Leak:
    """A secret that was found."""

    secret: str
    form: str
    place: str

    def __str__(self) -> str:
        return f"{self.secret} as {self.form} in {self.place}"


def made_up(word: str) -> str:
    """Make a secret that occurs nowhere else, with characters that every encoding changes."""
    return f"sk-{word}/{secrets.token_hex(8)}+{secrets.token_hex(8)}=~"


def forms(secret: str) -> dict[str, bytes]:
    """Every form that is looked for, by name."""
    raw = secret.encode()
    found = {
        "text": raw,
        "URL-encoded": quote(secret, safe="").encode(),
        "form-encoded": quote_plus(secret).encode(),
        "JSON": json.dumps(secret)[1:-1].replace("/", "\\/").encode(),
        "UTF-16": secret.encode("utf-16-le"),
        "hex": raw.hex().encode(),
        "reversed": raw[::-1],
        "start of its SHA-256": hashlib.sha256(raw).hexdigest()[:_HASH_PREFIX].encode(),
        "SHA-256": hashlib.sha256(raw).digest(),
        "SHA-256 in base64": base64.b64encode(hashlib.sha256(raw).digest())[:40],
    }
    # In a longer text a secret begins at any of three places of base64's groups; what stands around decides
    # the outermost ones.
    for shift in range(3):
        inner = base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4]
        found[f"base64 at {shift}"] = inner
        found[f"base64url at {shift}"] = inner.translate(bytes.maketrans(b"+/", b"-_"))
    return found


def find(
    secrets_by_name: Mapping[str, str], places: Mapping[str, bytes], *, without: tuple[str, ...] = ()
) -> list[Leak]:
    """Look for every form of every secret in every place."""
    looked_for = [
        (name, form, needle)
        for name, secret in secrets_by_name.items()
        for form, needle in forms(secret).items()
        if not form.startswith(without)
    ]
    return [
        Leak(name, form, place)
        for place, content in places.items()
        for name, form, needle in looked_for
        if needle in content
    ]


def written(*folders: Path) -> dict[str, bytes]:
    """Every byte of every file below some folders, by path. A file that goes away meanwhile is left out."""
    return {str(path): content for folder in folders for path, content in _files(folder)}


def _files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file():
                yield path, path.read_bytes()
        except FileNotFoundError:
            continue
