"""The gateway inside somebody else's application, beside their routes and behind their middleware."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import BaseHTTPMiddleware

import ferrogate
from harness.chat import CHAT, DONE, FINISH, chat, delta
from harness.mock import Mock
from harness.upstream import Exchange, Upstream, chunk, sse, stream_head

MOUNTED = f"/llm{CHAT}"


class Stamp(BaseHTTPMiddleware):
    """A middleware as people write them: it wraps the body in a stream of its own."""

    async def dispatch(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        response.headers["x-stamped"] = "yes"
        return response


def write_config(folder: Path, base_url: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "gateway.yaml"
    path.write_text(json.dumps({"providers": {"p": {"kind": "mock", "base_url": base_url}}}))
    return path


def own_app(mounted: Any, *, wrapped: bool = True) -> FastAPI:
    app = FastAPI(lifespan=ferrogate.lifespan)

    @app.get("/own")
    async def own() -> dict[str, str]:
        return {"mine": "yes"}

    @app.post("/v1/chat/completions")
    async def own_chat() -> dict[str, str]:
        return {"mine": "too"}

    app.mount("/llm", mounted)
    if wrapped:
        app.add_middleware(Stamp)
    return app


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[FastAPI], Awaitable[httpx.AsyncClient]]]:
    """Serves an application with uvicorn as it is, on this loop."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None], httpx.AsyncClient]] = []

    async def start(app: FastAPI) -> httpx.AsyncClient:
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none"))
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn offers a flag and no event
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20.0)
        running.append((server, task, client))
        return client

    yield start
    for server, task, client in running:
        await client.aclose()
        server.should_exit = True
        await task


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "behind BaseHTTPMiddleware"])
async def test_it_lives_beside_routes_and_middleware(
    folder: Path, mock: Mock, serve: Callable[[FastAPI], Awaitable[httpx.AsyncClient]], wrapped: bool
) -> None:
    config = write_config(folder, mock.url)
    app = own_app(ferrogate.asgi_app(config, data=folder / "data", auth=None), wrapped=wrapped)
    client = await serve(app)
    assert (await client.get("/own")).json() == {"mine": "yes"}
    assert (await client.post("/v1/chat/completions")).json() == {"mine": "too"}
    answer = await client.post(MOUNTED, content=chat("p/echo"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "hello"
    assert answer.headers.get("x-stamped") == ("yes" if wrapped else None)
    assert answer.headers["x-gateway-provider"] == "p"
    stream = await client.post(MOUNTED, content=chat("p/echo", stream=True))
    assert stream.content.endswith(DONE)
    big = await client.post(MOUNTED, content=chat("p/echo", note="x" * 400_000))
    assert big.status_code == 200
    wrong = await client.post("/llm/openai/v1/chat/completions", content=b"{")
    assert wrong.json()["error"]["code"] == "invalid_json"
    assert (await client.get("/llm/openai")).json()["error"]["code"] == "route_not_found"


async def test_a_stream_flows_through_the_middleware(
    folder: Path, upstream: Upstream, serve: Callable[[FastAPI], Awaitable[httpx.AsyncClient]]
) -> None:
    """The upstream goes on only when the client has the first event."""
    seen = asyncio.Event()
    loop = asyncio.get_running_loop()

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(delta("a")))
        asyncio.run_coroutine_threadsafe(seen.wait(), loop).result(20)
        exchange.send(chunk(FINISH + DONE) + b"0\r\n\r\n")

    upstream.script = script
    config = write_config(folder, upstream.url)
    client = await serve(own_app(ferrogate.asgi_app(config, data=folder / "data", auth=None)))
    async with client.stream("POST", MOUNTED, content=chat("p/m", stream=True)) as answer:
        pieces = answer.aiter_raw()
        assert await anext(pieces) == delta("a")
        seen.set()
        assert b"".join([piece async for piece in pieces]) == FINISH + DONE


async def test_a_client_that_leaves_cancels_the_provider(
    folder: Path, upstream: Upstream, serve: Callable[[FastAPI], Awaitable[httpx.AsyncClient]]
) -> None:
    left = asyncio.Event()
    loop = asyncio.get_running_loop()

    def script(exchange: Exchange) -> None:
        exchange.send(stream_head() + chunk(delta("a")))
        if exchange.wait_until_left():
            loop.call_soon_threadsafe(left.set)
        exchange.close()

    upstream.script = script
    config = write_config(folder, upstream.url)
    client = await serve(own_app(ferrogate.asgi_app(config, data=folder / "data", auth=None), wrapped=False))
    async with client.stream("POST", MOUNTED, content=chat("p/m", stream=True)) as answer:
        assert await anext(answer.aiter_raw()) == delta("a")
    async with asyncio.timeout(20):
        await left.wait()


async def test_a_cut_is_a_cut_there_too(
    folder: Path,
    upstream: Upstream,
    serve: Callable[[FastAPI], Awaitable[httpx.AsyncClient]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    upstream.script = sse(delta("a"), end=False)
    config = write_config(folder, upstream.url)
    mounted = ferrogate.asgi_app(config, data=folder / "data", auth=None)
    client = await serve(own_app(mounted, wrapped=False))
    received = b""
    with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012 - the error comes at the end of the stream
        async with client.stream("POST", MOUNTED, content=chat("p/m", stream=True)) as answer:
            async for piece in answer.aiter_raw():
                received += piece
    assert received.startswith(delta("a"))
    assert b"upstream_cut" in received
    assert b"[DONE]" not in received
    assert "Traceback" not in caplog.text


async def test_behind_a_wrapping_middleware_a_cut_still_says_so(
    folder: Path, upstream: Upstream, serve: Callable[[FastAPI], Awaitable[httpx.AsyncClient]]
) -> None:
    """Such a middleware ends the transport in order whatever happens behind it, so the event alone tells."""
    upstream.script = sse(delta("a"), delta("lost")[:-5], end=False)
    config = write_config(folder, upstream.url)
    client = await serve(own_app(ferrogate.asgi_app(config, data=folder / "data", auth=None)))
    answer = await client.post(MOUNTED, content=chat("p/m", stream=True))
    whole, _, tail = answer.content.partition(delta("a"))
    assert whole == b""
    assert json.loads(tail.removeprefix(b"data: "))["error"]["code"] == "upstream_cut"


async def test_a_gateway_key_is_asked_for_unless_told_otherwise(
    folder: Path,
    mock: Mock,
    serve: Callable[[FastAPI], Awaitable[httpx.AsyncClient]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GATEWAY_KEY", "fgk_embedded-gateway-key-0000000001")
    monkeypatch.setenv("GATEWAY_ADMIN_TOKEN", "embedded-admin-token-000000000001")
    mounted = ferrogate.asgi_app(write_config(folder, mock.url), data=folder / "data", admin=True)
    client = await serve(own_app(mounted))
    assert (await client.post(MOUNTED, content=chat("p/echo"))).status_code == 401
    key = {"authorization": "Bearer fgk_embedded-gateway-key-0000000001"}
    assert (await client.post(MOUNTED, content=chat("p/echo"), headers=key)).status_code == 200
    assert (await client.get("/llm/api/v1/keys")).status_code == 401
    assert (await client.get("/llm/api/v1/keys", headers=key)).status_code == 401
    token = {"authorization": "Bearer embedded-admin-token-000000000001"}
    assert (await client.get("/llm/api/v1/keys", headers=token)).status_code == 200


async def test_host_checks_are_the_owners(
    folder: Path, mock: Mock, serve: Callable[[FastAPI], Awaitable[httpx.AsyncClient]]
) -> None:
    mounted = ferrogate.asgi_app(write_config(folder, mock.url), data=folder / "data", auth=None)
    client = await serve(own_app(mounted))
    headers = {"host": "chat.example.com", "origin": "https://page.example"}
    answer = await client.post(MOUNTED, content=chat("p/echo"), headers=headers)
    assert answer.status_code == 200, answer.text


async def test_without_admin_there_is_no_admin_api(
    folder: Path, mock: Mock, serve: Callable[[FastAPI], Awaitable[httpx.AsyncClient]]
) -> None:
    mounted = ferrogate.asgi_app(write_config(folder, mock.url), data=folder / "data", auth=None)
    client = await serve(own_app(mounted))
    for path in ("/llm/api/v1/keys", "/llm/", "/llm/docs"):
        assert (await client.get(path)).status_code == 404, path
