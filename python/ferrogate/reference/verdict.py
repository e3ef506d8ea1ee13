"""What an answer is, by its head, and the secrets of its lane, which it must not show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final
from urllib.parse import unquote

import httpx

from ferrogate.config.secrets import is_credential
from ferrogate.engine.snapshot import Key, Provider

__all__ = ["Verdict", "encodings", "judge", "mask", "secrets_of"]

_SHORTEST_KEY: Final = 8


class Verdict(Enum):
    """What to do with an answer."""

    INVALID = "nobody can read it, or a redirect, which would take a prompt past the gateway"
    REFUSED = "4xx or 5xx: its text says whose failure it is"
    EVENTS = "events, to be read"
    JSON = "JSON, to be collected and checked"
    UNREAD = "compressed for a client that accepts it: relayed unread"


def judge(response: httpx.Response, accepts: str) -> Verdict:
    """Read the head of an answer, for a client whose accept-encoding is ``accepts``."""
    status, headers = response.status_code, response.headers
    if status >= 400:
        return Verdict.REFUSED
    if not 200 <= status < 300:
        return Verdict.INVALID
    codings = list(encodings(headers))
    if codings:
        accepted = set(_accepted(accepts))
        readable = "*" in accepted or accepted.issuperset(codings)
        return Verdict.UNREAD if readable else Verdict.INVALID
    is_events = headers.get("content-type", "").lower().startswith("text/event-stream")
    return Verdict.EVENTS if is_events else Verdict.JSON


def encodings(headers: httpx.Headers) -> Iterator[str]:
    """Yield the codings of a body."""
    for coding in headers.get("content-encoding", "").lower().split(","):
        if coding.strip() not in ("", "identity"):
            yield coding.strip()


def _accepted(accepts: str) -> Iterator[str]:
    for wish in accepts.lower().split(","):
        name, _, quality = wish.partition(";")
        if quality.strip().removeprefix("q=").strip("0.") or not quality:
            yield name.strip()


def mask(data: bytes, secrets: Iterable[str]) -> bytes:
    """Put an asterisk for each character of a secret; a value that is too short stands in text by chance."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_KEY:
            for form in (secret.encode(), secret.replace("/", "\\/").encode()):
                data = data.replace(form, b"*" * len(form))
    return data


def secrets_of(provider: Provider, key: Key) -> tuple[str, ...]:
    """Return what no answer of a lane may show, in the forms in which it is sent."""
    headers = [value for name, value in provider.headers.items() if is_credential(name)]
    pairs = [pair.partition("=")[::2] for pair in provider.query.split("&")]
    query = [value for name, value in pairs if is_credential(name)]
    inner = [value.partition(" ")[2] for value in headers]
    return (key.value, *headers, *inner, *query, *map(unquote, query))
