"""HTTP/1.1 by hand on asyncio: what was received, and whether its framing was brought to an end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

__all__ = ["Head", "content", "leave", "read_head", "reset"]


@dataclass(frozen=True)
class Head:
    """A request's or an answer's head."""

    first: str
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case; the last of several."""

    @property
    def status(self) -> int:
        return int(self.first.split(" ")[1])

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Read one head; None where the connection ended before it was whole."""
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
    split = (line.partition(":") for line in lines)
    return Head(first, {name.lower(): value.strip() for name, _, value in split})


async def content(reader: asyncio.StreamReader, head: Head, *, answer: bool) -> AsyncIterator[bytes]:
    """Read a body, piece by piece. Raises EOFError where it breaks off before its framing says so."""
    try:
        if head.headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                left = size
                while left:
                    piece = await reader.read(left)
                    if not piece:
                        raise EOFError
                    left -= len(piece)
                    yield piece
                await reader.readexactly(2)
            await reader.readuntil(b"\r\n")
        elif "content-length" in head.headers:
            left = int(head.headers["content-length"])
            while left:
                piece = await reader.read(min(left, 65536))
                if not piece:
                    raise EOFError
                left -= len(piece)
                yield piece
        elif answer and head.status not in (204, 304):
            while piece := await reader.read(65536):
                yield piece
    except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
        raise EOFError from error


async def leave(writer: asyncio.StreamWriter) -> None:
    """Close in order."""
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return


async def reset(writer: asyncio.StreamWriter) -> None:
    """Close by RST."""
    made: socket.socket | None = writer.get_extra_info("socket")
    if made is not None:
        with contextlib.suppress(OSError):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    await asyncio.sleep(0)
