"""What a good engineer writes in an afternoon: an async Python proxy, the yardstick of the uvicorn door.

It does the least that a gateway does and nothing more: reads the request with orjson, draws a key by weight,
swaps the model, writes the request with orjson, sends it by aiohttp's client, reads the usage out of the
answer; streams are passed on as they arrive. No log, no metrics, no failover, no limits.

Two ways to serve it, both on uvloop, because they cost different amounts and the cheaper one is the bar:

- ``--server aiohttp``: aiohttp's own server and parser;
- ``--server uvicorn``: a raw ASGI application under uvicorn with httptools, as the gateway's uvicorn door is.

    python bench/baselines/aiohttp_proxy.py --upstream http://127.0.0.1:8081/v1 --key sk-a:1 --key sk-b:0.5
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp
import orjson
import uvloop
from aiohttp import web

PATH = "/v1/chat/completions"
JSON_BYTES = 64 * 2**20

Message = MutableMapping[str, Any]


class Proxy:
    """What both servers share."""

    def __init__(self, upstream: str, keys: list[tuple[str, float]]) -> None:
        self._url = upstream.rstrip("/") + "/chat/completions"
        self._keys = [key for key, _ in keys]
        self._weights = [weight for _, weight in keys]
        self._session: aiohttp.ClientSession | None = None
        self.input_tokens = 0
        self.output_tokens = 0

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=600),
            auto_decompress=False,
        )

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def send(self, body: bytes) -> tuple[Any, bool]:
        """The upstream exchange as a context manager, and whether a stream was asked for."""
        assert self._session
        document = orjson.loads(body)
        key = random.choices(self._keys, self._weights)[0]
        document["model"] = document["model"].partition("/")[2] or document["model"]
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        exchange = self._session.post(self._url, data=orjson.dumps(document), headers=headers)
        return exchange, bool(document.get("stream"))

    def settle(self, answer: bytes) -> None:
        usage = orjson.loads(answer).get("usage") or {}
        self.input_tokens += usage.get("prompt_tokens", 0)
        self.output_tokens += usage.get("completion_tokens", 0)


async def serve_aiohttp(proxy: Proxy, listener: socket.socket) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        exchange, stream = proxy.send(await request.read())
        async with exchange as answer:
            content_type = answer.headers.get("content-type", "application/json")
            if not stream or answer.status != 200:
                body = await answer.read()
                if answer.status == 200:
                    proxy.settle(body)
                return web.Response(body=body, status=answer.status, headers={"content-type": content_type})
            relay = web.StreamResponse(headers={"content-type": content_type})
            await relay.prepare(request)
            async for part in answer.content.iter_any():
                await relay.write(part)
            await relay.write_eof()
            return relay

    app = web.Application(client_max_size=JSON_BYTES)
    app.router.add_post(PATH, handle)
    runner = web.AppRunner(app, access_log=None, handle_signals=True)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def asgi(proxy: Proxy) -> Callable[..., Awaitable[None]]:
    async def app(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            raise NotImplementedError(scope["type"])
        parts = []
        while True:
            message = await receive()
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        exchange, stream = proxy.send(b"".join(parts))
        async with exchange as answer:
            content_type = answer.headers.get("content-type", "application/json").encode()
            headers = [(b"content-type", content_type)]
            if not stream or answer.status != 200:
                body = await answer.read()
                if answer.status == 200:
                    proxy.settle(body)
                headers.append((b"content-length", str(len(body)).encode()))
                await send({"type": "http.response.start", "status": answer.status, "headers": headers})
                await send({"type": "http.response.body", "body": body})
                return
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for part in answer.content.iter_any():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    return app


async def serve_uvicorn(proxy: Proxy, listener: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        asgi(proxy),
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
    )
    await uvicorn.Server(config).serve(sockets=[listener])


def weighted(text: str) -> tuple[str, float]:
    key, _, weight = text.partition(":")
    return key, float(weight or 1)


async def run(options: argparse.Namespace) -> None:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", options.port))
    listener.listen(2048)
    listener.setblocking(False)
    proxy = Proxy(options.upstream, options.key)
    await proxy.open()
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    try:
        await (serve_aiohttp if options.server == "aiohttp" else serve_uvicorn)(proxy, listener)
    finally:
        await proxy.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description="An LLM proxy in async Python: the yardstick of the uvicorn door."
    )
    parser.add_argument("--server", choices=("aiohttp", "uvicorn"), default="aiohttp")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--upstream", required=True, help="the provider's base URL, with /v1")
    parser.add_argument("--key", type=weighted, action="append", required=True, help="KEY:WEIGHT; repeatable")
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
