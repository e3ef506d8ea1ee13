"""``ferrogate.asgi_app()`` inside somebody else's application."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

import ferrogate
from ferrogate.errors import DataFolderInUseError

ASK = {"model": "up/m", "messages": []}

engines = pytest.mark.parametrize("engine", ["rust", "python"])


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch, provider):
    for name in [name for name in os.environ if name.startswith("GATEWAY_") or name.endswith("_API_KEY")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.yaml").write_text(
        f'providers: {{up: {{kind: openai-compatible, base_url: "{provider.base_url}", keys: [v]}}}}'
    )


@asynccontextmanager
async def browsing(app) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://any.example") as client:
        yield client


@engines
async def test_it_lives_beside_other_routes_and_behind_their_middleware(tmp_path, engine):
    gateway = ferrogate.asgi_app(auth=None, engine=engine)
    owner = FastAPI(lifespan=ferrogate.lifespan)
    seen: list[str] = []

    @owner.middleware("http")
    async def note(request, call_next):
        seen.append(request.url.path)
        return await call_next(request)

    @owner.get("/mine")
    def mine() -> str:
        return "mine"

    owner.mount("/llm", gateway)
    assert not (tmp_path / "data").exists(), "nothing starts before the first request"
    async with owner.router.lifespan_context(owner), browsing(owner) as client:
        assert (await client.get("/mine")).json() == "mine"
        assert not (tmp_path / "data").exists()
        headers = {"origin": "https://page.example", "authorization": "Bearer sk-any"}
        answer = await client.post("/llm/openai/v1/chat/completions", json=ASK, headers=headers)
        assert (answer.status_code, answer.headers["x-gateway-provider"]) == (200, "up")
        assert (await client.get("/llm/api/v1/keys")).status_code == 404
        assert seen == ["/mine", "/llm/openai/v1/chat/completions", "/llm/api/v1/keys"]
    with sqlite3.connect(tmp_path / "data" / "gateway.db") as database:
        rows = database.execute("SELECT request_id, path FROM requests").fetchall()
    database.close()
    assert (answer.headers["x-gateway-request-id"], "/openai/v1/chat/completions") in rows


@engines
async def test_it_asks_for_a_gateway_key(engine, capfd):
    gateway = ferrogate.asgi_app(engine=engine)
    async with browsing(gateway) as client:
        assert (await client.post("/v1/chat/completions", json=ASK)).status_code == 401
        printed = capfd.readouterr()
        assert printed.out == ""
        said = dict(line.split(": ") for line in printed.err.splitlines())
        assert said.keys() == {"ferrogate admin token", "ferrogate gateway key"}
        key = said["ferrogate gateway key"]
        headers = {"authorization": f"Bearer {key}"}
        assert (await client.post("/v1/chat/completions", json=ASK, headers=headers)).status_code == 200
    await gateway.aclose()


@engines
async def test_the_admin_api_is_there_on_request_and_behind_its_token(engine, monkeypatch):
    monkeypatch.setenv("GATEWAY_ADMIN_TOKEN", "a-token-of-mine")
    gateway = ferrogate.asgi_app(auth=None, admin=True, engine=engine)
    owner = FastAPI()
    owner.mount("/llm", gateway)
    async with browsing(owner) as client:
        assert (await client.get("/llm/api/v1/keys")).status_code == 401
        headers = {"authorization": "Bearer a-token-of-mine"}
        assert (await client.get("/llm/api/v1/keys", headers=headers)).status_code == 200
        added = {"provider": "openai", "name": "n", "value": "sk-1"}
        assert (await client.post("/llm/api/v1/keys", json=added, headers=headers)).status_code == 201
        answer = await client.post("/llm/v1/chat/completions", json=ASK, headers={"host": "other.example"})
        assert answer.status_code == 200
    await gateway.aclose()


@engines
async def test_it_starts_anew_after_its_end(engine):
    gateway = ferrogate.asgi_app(auth=None, engine=engine)
    async with browsing(gateway) as client:
        for _ in range(2):
            assert (await client.post("/v1/chat/completions", json=ASK)).status_code == 200
            await gateway.aclose()


async def test_two_on_one_folder_are_refused_and_the_first_serves_on():
    first, second = (ferrogate.asgi_app(auth=None, engine="python") for _ in range(2))
    async with browsing(first) as client, browsing(second) as other:
        assert (await client.post("/v1/chat/completions", json=ASK)).status_code == 200
        with pytest.raises(DataFolderInUseError):
            await other.post("/v1/chat/completions", json=ASK)
        assert (await client.post("/v1/chat/completions", json=ASK)).status_code == 200
    await first.aclose()


async def test_it_answers_a_servers_lifespan():
    sent: list[str] = []
    events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        return next(events)

    async def send(message):
        sent.append(message["type"])

    await ferrogate.asgi_app()({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
