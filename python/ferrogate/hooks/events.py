"""Events of a stream as bytes, for ``on_event``."""

from __future__ import annotations

__all__ = ["event_data", "make_event"]


def event_data(event: bytes) -> bytes:
    r"""Return the ``data:`` of an event, its lines joined; empty for a comment.

    >>> event_data(b'data: {"a":1}\n\n')
    b'{"a":1}'
    """
    lines = event.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    found = [line[5:] for line in lines if line.startswith(b"data:")]
    return b"\n".join(line.removeprefix(b" ") for line in found)


def make_event(data: bytes, name: str = "") -> bytes:
    r"""Return an event with this data, ready to be returned by ``on_event``.

    >>> make_event(b'{"a":1}')
    b'data: {"a":1}\n\n'
    """
    head = f"event: {name}\n".encode() if name else b""
    return head + b"".join(b"data: " + line + b"\n" for line in data.split(b"\n")) + b"\n"
