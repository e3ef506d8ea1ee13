"""Reading a JSON body, and changing one value in it without touching the rest.

Everything that the client sent and the gateway does not own reaches the provider byte for byte, so the new
model is spliced into the original bytes. ``orjson`` checks the document; the exact but slower scan of the
standard library is used only where a quick count says that the document may hold a key twice, nest too deep,
or where orjson refuses what RFC 8259 allows (a lone surrogate escape).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from ferrogate.reference.errors import RequestError

__all__ = ["JsonBody", "Member", "members_of", "parse_body", "read_body"]

Message = dict[str, Any]

_READ: Final = (b'"model"', b'"stream"')
_MODEL: Final = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*("(?:[^"\\]|\\.)*")')
_ESCAPED_LETTER: Final = re.compile(rb"\\u00[67]")
_MAX_DEPTH: Final = 128
_MAX_MODEL: Final = 2048
_LEAST_PACE: Final = 256
"""Bytes a second that a body must come with, on average, once it has taken longer than the longest pause."""
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_STRINGS: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKETS: Final = re.compile(r"[\[\]{}]")


class Member(NamedTuple):
    """A member of the top-level object; the places are those of characters, the key's with its quotes."""

    name: str
    value: Any
    key_start: int
    key_end: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A checked body.

    Attributes:
        raw: the client's bytes.
        model: the value of the top-level ``model``.
        stream: the value of the top-level ``stream``.
        span: where the model's value stands in ``raw``, quotes included.

    """

    raw: bytes
    model: str
    stream: bool
    span: tuple[int, int]

    def for_model(self, model: str) -> bytes:
        """Return the body with another model and not one other byte changed."""
        if model == self.model:
            return self.raw
        start, end = self.span
        return b"".join((self.raw[:start], orjson.dumps(model), self.raw[end:]))


async def read_body(
    receive: Callable[[], Awaitable[Message]], limit: int, idle_ms: int, declared: str
) -> bytes | None:
    """Collect the request's body; None when the client left before its end.

    Args:
        receive: ASGI's.
        limit: bytes.
        idle_ms: how long the client may send nothing.
        declared: the content-length header, empty where there is none.

    Raises:
        RequestError: ``body_too_large`` or ``request_timeout``.

    """
    too_large = RequestError("body_too_large", f"The body is larger than {limit} bytes (limits.json_body).")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    parts: list[bytes] = []
    size = 0
    now, idle = asyncio.get_running_loop().time, idle_ms / 1000
    began = now()
    while True:
        try:
            async with asyncio.timeout(idle):
                message = await receive()
        except TimeoutError:
            raise RequestError("request_timeout", "The body did not arrive in time.") from None
        if (waited := now() - began) > idle and size < _LEAST_PACE * waited:
            raise RequestError("request_timeout", "The body does not arrive fast enough.")
        if message["type"] == "http.disconnect":
            return None
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def parse_body(raw: bytes) -> JsonBody:
    """Check that a body is one JSON object with a model.

    Raises:
        RequestError: ``invalid_json``, ``invalid_request`` or ``model_missing``.

    """
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        members = _scan(raw, str(error))
    else:
        if not isinstance(document, dict):
            raise RequestError("invalid_request", "The body must be a JSON object.")
        model, stream = document.get("model"), document.get("stream")
        match = _MODEL.search(raw)
        once = all(raw.count(name) <= 1 for name in _READ) and not _ESCAPED_LETTER.search(raw)
        if once and match is not None and raw.count(b"[") + raw.count(b"{") <= _MAX_DEPTH:
            return JsonBody(raw, _model(model), _stream(stream), match.span(1))
        members = _scan(raw, "")
    value, span = members.get("model", (None, (0, 0)))
    return JsonBody(raw, _model(value), _stream(members.get("stream", (None, (0, 0)))[0]), span)


def _model(value: object) -> str:
    if not isinstance(value, str) or not value:
        message = 'The field model must be a string that is not empty, for example "gpt-4o-mini".'
        raise RequestError("model_missing", message, param="model")
    if len(value) > _MAX_MODEL:
        message = f"The field model is longer than {_MAX_MODEL} characters."
        raise RequestError("invalid_request", message, param="model")
    return value


def _stream(value: object) -> bool:
    if value is not None and not isinstance(value, bool):
        raise RequestError("invalid_request", "The field stream must be true or false.", param="stream")
    return bool(value)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=len, parse_float=len)


def _scan(raw: bytes, reason: str) -> dict[str, tuple[Any, tuple[int, int]]]:
    """Find the top-level members that the gateway reads, with their byte spans, exactly."""
    try:
        text = raw.decode()
        _check_depth(text)
        members: dict[str, tuple[Any, tuple[int, int]]] = {}
        for name, value, _, _, start, end in members_of(text):
            if name in ("model", "stream"):
                if name in members:
                    raise RequestError(
                        "invalid_request", f"The field {name} stands twice in the body.", param=name
                    )
                offset = len(text[:start].encode())
                members[name] = (value, (offset, offset + len(text[start:end].encode())))
    except (ValueError, IndexError, RecursionError) as error:
        raise RequestError("invalid_json", f"The body is not JSON: {reason or error}.") from None
    return members


def members_of(text: str) -> Iterator[Member]:
    """Yield the members of a document's top-level object, in order. Raises ValueError for what is no JSON."""

    def skip(at: int) -> int:
        match = _SPACE.match(text, at)
        return match.end() if match else at

    at = skip(0)
    if text[at] != "{":
        _DECODER.decode(text)
        raise RequestError("invalid_request", "The body must be a JSON object.")
    at = skip(at + 1)
    closed = text[at] == "}"
    while not closed:
        if text[at] != '"':
            raise ValueError("a member's name is missing")
        key = at
        name, behind = _DECODER.raw_decode(text, key)
        at = skip(behind)
        if text[at] != ":":
            raise ValueError("a colon is missing")
        start = skip(at + 1)
        value, end = _DECODER.raw_decode(text, start)
        yield Member(name, value, key, behind, start, end)
        at = skip(end)
        if text[at] not in ",}":
            raise ValueError("a comma is missing")
        closed = text[at] == "}"
        at = at if closed else skip(at + 1)
    if skip(at + 1) != len(text):
        raise ValueError("there is more behind the object")


def _check_depth(text: str) -> None:
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > _MAX_DEPTH:
            raise ValueError(f"it nests deeper than {_MAX_DEPTH}")
