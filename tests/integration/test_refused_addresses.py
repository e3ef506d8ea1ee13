"""No request goes to where clouds keep a machine's credentials, by configuration or behind its back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ferrogate.doors.asgi import InferenceApp
from ferrogate.engine.facade import Engine
from ferrogate.engine.snapshot import Auth, Key, KeyAuth, Provider, Snapshot
from harness.chat import CHAT, chat
from harness.gateway import Gateway

SPELLINGS = [
    "169.254.169.254",
    "2852039166",
    "0xA9FEA9FE",
    "0251.0376.0251.0376",
    "169.254.43518",
    "[fe80::1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[fd00:ec2::254]",
    "100.100.100.200",
]


@pytest.mark.parametrize("host", SPELLINGS)
def test_the_configuration_refuses_every_spelling(gateway: Gateway, host: str) -> None:
    settings = {"name": "metadata", "kind": "openai-compatible", "base_url": f"http://{host}/latest"}
    answer = gateway.admin.post("/api/v1/providers", json=settings)
    assert answer.status_code == 422
    assert "base_url is a link-local or metadata address" in answer.json()["detail"]


@pytest.fixture(params=SPELLINGS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine that was told of such a provider past the configuration's check, as by a name in DNS."""
    provider = Provider(
        name="p",
        kind="openai-compatible",
        dialect="openai",
        base_url=f"http://{request.param}/v1",
        auth=KeyAuth(header="authorization", prefix="Bearer "),
        templates={"*": "/{path}"},
        keys=[Key(id="k", name="k", value="k-0123456789", weight=1.0)],
    )
    made = Engine(Snapshot(auth=Auth(required=False), providers=[provider]), workers=1, journal=None)
    made.start()
    yield made
    made.stop()


@pytest.mark.kind("address_refused")
@pytest.mark.parametrize("way", ["native", "uvicorn"])
def test_the_connection_is_refused_after_the_name_is_resolved(engine: Engine, way: str) -> None:
    if way == "native":
        _, port = engine.listen("127.0.0.1", 0, None)
        answer = httpx.post(f"http://127.0.0.1:{port}{CHAT}", content=chat("p/m"), trust_env=False)
    else:
        answer = asyncio.run(embedded(engine))
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "address_refused")
    message = answer.json()["error"]["message"]
    assert "`base_url`" in message
    assert "169.254" not in message


async def embedded(engine: Engine) -> httpx.Response:
    app: Any = InferenceApp(engine)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        answer = await client.post(CHAT, content=chat("p/m"))
    await app.aclose()
    return answer
