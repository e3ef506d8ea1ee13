"""Providers that offer HTTP/2 over TLS get it; the authority comes from the gateway's environment."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config

from harness.certificates import Certificates
from harness.chat import ANSWER, CHAT, DONE, FINISH, chat, delta
from harness.doors import COMPILED, Door
from harness.gateway import Gateway, until
from harness.wire import End, Wire


class Provider:
    """An ASGI application that notes how it was called and answers by model."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[bytes, bytes]]] = []
        self.left = threading.Event()

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            await self._lifespan(receive, send)
            return
        self.seen.append((scope["http_version"], dict(scope["headers"])))
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        stream = b'"stream": true' in body
        kind = b"text/event-stream" if stream else b"application/json"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        if b"endless" in body:
            await send({"type": "http.response.body", "body": delta("a"), "more_body": True})
            while (await receive())["type"] != "http.disconnect":
                pass
            self.left.set()
        else:
            answer = delta("a") + FINISH + DONE if stream else ANSWER
            await send({"type": "http.response.body", "body": answer})

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


@pytest.fixture
def provider(certificates: Certificates) -> Iterator[tuple[Provider, str]]:
    """The application behind TLS and ALPN, on a thread of its own."""
    app, started = Provider(), threading.Event()
    address: list[str] = []

    async def run() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        address.append(f"https://localhost:{listener.getsockname()[1]}/v1")
        config = Config()
        config.bind = [f"fd://{listener.detach()}"]
        config.certfile, config.keyfile = str(certificates.chain), str(certificates.key)
        config.alpn_protocols = ["h2", "http/1.1"]
        config.errorlog = config.accesslog = None
        config.graceful_timeout = 0.1
        loop.call_soon(started.set)
        await serve(app, config, shutdown_trigger=stopping.wait)  # type: ignore[arg-type]

    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()

    def main() -> None:
        asyncio.set_event_loop(loop)
        with contextlib.closing(loop):
            loop.run_until_complete(run())

    thread = threading.Thread(target=main, daemon=True)
    thread.start()
    assert started.wait(10)
    yield app, address[0]
    loop.call_soon_threadsafe(stopping.set)
    thread.join(10)


@pytest.mark.parametrize("http2", ["auto", "off"])
@pytest.mark.parametrize("way", COMPILED, ids=str)
def test_it_is_used_where_it_is_offered(
    folder: Path, certificates: Certificates, provider: tuple[Provider, str], way: Door, http2: str
) -> None:
    app, url = provider
    config = {
        "providers": {
            "p": {"kind": "openai-compatible", "base_url": url, "keys": ["k-0123456789"], "http2": http2}
        }
    }
    environ = {"SSL_CERT_FILE": str(certificates.authority)}
    with Gateway(folder, way, config=config, environ=environ) as gateway:
        answer = gateway.http.post(CHAT, content=chat("p/m"), headers={"x-custom": "1", "te": "trailers"})
        assert (answer.status_code, answer.content) == (200, ANSWER), answer.text
        with Wire(gateway.port) as wire:
            wire.post(CHAT, chat("p/m", stream=True))
            stream = wire.answer()
        assert (stream.body, stream.end) == (delta("a") + FINISH + DONE, End.WHOLE)
        with ThreadPoolExecutor(8) as pool:
            answers = list(
                pool.map(lambda n: gateway.http.post(CHAT, content=chat(f"p/m{n}")).content, range(24))
            )
        assert answers == [ANSWER] * 24
        with Wire(gateway.port) as wire:
            wire.post(CHAT, chat("p/endless", stream=True))
            wire.open()
            assert next(wire.pieces()) == delta("a")
        assert app.left.wait(10), "a client that leaves resets its stream"
        assert gateway.http.post(CHAT, content=chat("p/m")).content == ANSWER, "the connection lives on"
    versions = {version for version, _ in app.seen}
    assert versions == ({"2"} if http2 == "auto" else {"1.1"})
    _, headers = app.seen[0]
    assert (headers[b"authorization"], headers[b"x-custom"]) == (b"Bearer k-0123456789", b"1")
    assert b"te" not in headers
    assert until(lambda: len(app.seen), "requests") == 28
