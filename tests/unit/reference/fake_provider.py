"""A provider of raw sockets, so that a test can break an answer at any byte; a driver without a server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from ferrogate.engine.snapshot import Alias, Auth, Key, KeyAuth, Provider, Snapshot, Timeouts
from ferrogate.reference import ReferenceEngine

Script = Callable[["Asked", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Asked:
    """One request as it arrived at the provider."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


def plain(status: int, body: bytes, *headers: str, content_type: str = "application/json") -> bytes:
    lines = [
        f"HTTP/1.1 {status} X",
        f"content-type: {content_type}",
        f"content-length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


SSE_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def delta(text: str) -> bytes:
    return b"data: " + orjson.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}) + b"\n\n"


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another task will bring about; the test's own timeout bounds it."""
    while not condition():  # noqa: ASYNC110 - the condition is anything
        await asyncio.sleep(0.005)


class FakeProvider:
    """Listens on an ephemeral port and answers by script."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.left = asyncio.Event()
        self.connections = 0
        self.script: Script = answer_chat
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *rest = head.decode().strip().split("\r\n")
                headers = {
                    name.lower(): value for name, _, value in (entry.partition(": ") for entry in rest)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                asked = Asked(line, headers, body)
                self.asked.append(asked)
                script = asyncio.ensure_future(self.script(asked, writer))
                gone = asyncio.ensure_future(reader.read(1))
                await asyncio.wait({script, gone}, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    script.cancel()
                    self.left.set()
                    break
                gone.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await gone
                await script
                if writer.is_closing():
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()
            self._tasks.discard(task)


CHAT = orjson.dumps(
    {
        "id": "c1",
        "object": "chat.completion",
        "model": "served",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3}},
    }
)


async def answer_chat(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(plain(200, CHAT, "x-provider: yes", "set-cookie: a=b", "x-gateway-cache: forged"))
    await writer.drain()


def by_key(**scripts: Script) -> Script:
    """A script per key."""

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await scripts[asked.key](asked, writer)

    return script


def says(data: bytes, *, close: bool = False) -> Script:
    """A script that writes bytes and, where asked, drops the connection."""

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if close:
            writer.close()

    return script


async def hang(asked: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


@dataclass
class Reply:
    """What the client would have seen."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)
    finished: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    @property
    def error(self) -> dict[str, Any]:
        return dict(orjson.loads(self.body)["error"])


class Driver:
    """Calls the engine as a server would."""

    def __init__(self, engine: ReferenceEngine, rows: list[tuple[Any, ...]]) -> None:
        self.engine = engine
        self.rows = rows
        self.last: Reply | None = None

    async def call(
        self,
        body: bytes | dict[str, Any] = b"",
        path: str = "/openai/v1/chat/completions",
        *,
        method: str = "POST",
        headers: dict[str, str] | None = None,
        leave: asyncio.Event | None = None,
        query: bytes = b"",
        root_path: str = "",
    ) -> Reply:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        sent = {"host": "localhost:8080", "content-length": str(len(raw)), **(headers or {})}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": root_path,
            "scheme": "http",
            "query_string": query,
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }
        reply = self.last = Reply()
        left = leave or asyncio.Event()
        bodies = [raw]

        async def receive() -> dict[str, Any]:
            if bodies:
                return {"type": "http.request", "body": bodies.pop(), "more_body": False}
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            assert not reply.finished, "a message behind the last one"
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                reply.parts.append(message["body"])
                reply.finished = not message["more_body"]

        await self.engine(scope, receive, send)
        return reply

    async def row(self) -> dict[str, Any]:
        """The one record, by column."""
        await until(lambda: self.rows)
        assert len(self.rows) == 1
        return dict(zip(COLUMNS, self.rows.pop(), strict=True))


COLUMNS = tuple(
    """request_id started_ms door tenant gateway_key operation path model provider upstream_model key_id
    key_name status outcome error stream cache attempts attempts_json input_tokens output_tokens cached_tokens
    finish_reason duration_us ttft_us overhead_us queue_us upstream_us request_bytes response_bytes
    client_request_id tags similarity veto hooks
    payload payload_segment payload_offset payload_bytes""".split()  # noqa: SIM905 - a table reads better in rows
)


def a_provider(name: str, base_url: str, *keys: Key, **more: Any) -> Provider:
    settings: dict[str, Any] = {
        "kind": "openai",
        "dialect": "openai",
        "auth": KeyAuth(header="authorization", prefix="Bearer "),
        "templates": {"*": "/{path}"},
        "timeouts": Timeouts(connect_ms=2000, headers_ms=300, idle_ms=300, json_ms=1000, deadline_ms=3000),
        "configured": True,
    }
    return Provider(name=name, base_url=base_url, keys=list(keys), **{**settings, **more})


def a_key(name: str, **more: Any) -> Key:
    return Key(**{"id": f"key_{name}", "name": name, "value": name, "weight": 1.0, **more})


def a_snapshot(*providers: Provider, aliases: list[Alias] | None = None, **more: Any) -> Snapshot:
    return Snapshot(
        **{"auth": Auth(required=False), "providers": list(providers), "aliases": aliases or [], **more}
    )
