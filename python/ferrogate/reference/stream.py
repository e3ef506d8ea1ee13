"""Event streams: whole events out, a copy read for what the log wants to know.

The bytes are the provider's own. An event that is not finished waits, so that a cut never shows half of one;
beyond 64 KiB it flows, because memory is bounded and the client must not starve.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import orjson

from ferrogate.reference.failure import Failure, codes_of

__all__ = ["Event", "Framer", "Reader", "Usage"]

_TAIL: Final = 64 * 1024
_BLANKS: Final = (b"\n\n", b"\n\r\n", b"\r\r")


class Event(Enum):
    """What an event means for the commit."""

    QUIET = "no content yet"
    CONTENT = "text, a tool call, reasoning, a refusal, or the end of a choice"
    ERROR = "an error of the provider"
    DONE = "the end of the stream"


class Framer:
    """Splits a byte stream behind blank lines."""

    def __init__(self) -> None:
        self._tail = b""
        self._gone = b""
        self.flowing = False

    def feed(self, chunk: bytes) -> bytes:
        """Return the whole events; the rest waits. Where a tail has flowed, so does the rest of its event."""
        if self.flowing:
            data, before = self._gone + chunk, len(self._gone)
            self._gone = data[-3:]
            ends = [at + len(blank) for blank in _BLANKS if (at := data.find(blank)) >= 0]
            if not ends:
                return chunk
            self.flowing = False
            end = max(min(ends) - before, 0)
            return chunk[:end] + self.feed(chunk[end:])
        data = self._tail + chunk if self._tail else chunk
        end = max((at + len(blank) for blank in _BLANKS if (at := data.rfind(blank)) >= 0), default=0)
        self._tail = data[end:]
        if len(self._tail) > _TAIL:
            self.flowing, self._tail, self._gone = True, b"", data[-3:]
            return data
        return data[:end]

    def finish(self) -> bytes:
        """Return what waits, at an end that the transport calls clean."""
        tail, self._tail = self._tail, b""
        return tail


@dataclass(slots=True)
class Usage:
    """Tokens and the reason of the end, where the provider told them."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    finish_reason: str | None = None

    def read(self, answer: dict[str, Any]) -> None:
        """Take what an answer, or one chunk of it, says."""
        usage = answer.get("usage")
        if isinstance(usage, dict):
            self.input_tokens = _count(usage.get("prompt_tokens"))
            self.output_tokens = _count(usage.get("completion_tokens"))
            details = usage.get("prompt_tokens_details")
            if isinstance(details, dict):
                self.cached_tokens = _count(details.get("cached_tokens"))
        for choice in answer.get("choices") or ():
            if isinstance(choice, dict) and isinstance(choice.get("finish_reason"), str):
                self.finish_reason = choice["finish_reason"]


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class Reader:
    """Reads the copy: what has been seen so far, and the usage. Never touches what is relayed.

    Attributes:
        meaning: the strongest thing seen: content, else an error, else the end.
        failure: whose failure the first error was.

    """

    def __init__(self) -> None:
        self.usage = Usage()
        self.meaning = Event.QUIET
        self.done = False
        self.failure: Failure | None = None
        self._begun = False

    @property
    def failed(self) -> bool:
        """Whether the stream held an error."""
        return self.failure is not None

    @property
    def is_complete(self) -> bool:
        """Whether the stream said that it is whole; a transport that ends in order does not say so."""
        return not self.failed and (self.done or self.usage.finish_reason is not None)

    def read(self, events: bytes) -> None:
        """Take in whole events."""
        name = b""
        if not self._begun:
            self._begun, events = True, events.removeprefix(b"\xef\xbb\xbf")
        for line in events.splitlines():
            if line.startswith(b"data:"):
                meaning = self._read_data(line[5:].strip(), name)
                self.done |= meaning is Event.DONE
                if meaning is Event.ERROR and self.failure is None:
                    self.failure = Failure.of_event(codes_of(line[5:].strip()))
                if self.meaning is Event.QUIET or meaning is Event.CONTENT:
                    self.meaning = meaning
            elif line.startswith(b"event:"):
                name = line[6:].strip()
            elif not line:
                name = b""

    def _read_data(self, data: bytes, name: bytes) -> Event:
        if data == b"[DONE]":
            return Event.DONE
        if name == b"error":
            return Event.ERROR
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            chunk = None
        if not isinstance(chunk, dict):
            return Event.CONTENT  # no shape that is known here: it is the client's to read
        if chunk.get("error") is not None or chunk.get("object") == "error":
            return Event.ERROR
        self.usage.read(chunk)
        choices = chunk.get("choices")
        return Event.CONTENT if isinstance(choices, list) and any(map(_has_content, choices)) else Event.QUIET


def _has_content(choice: object) -> bool:
    if not isinstance(choice, dict):
        return False
    if choice.get("text") or choice.get("finish_reason"):
        return True
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        return False
    return any(value for name, value in delta.items() if name != "role")
