"""The asynchronous client: the same answers, several at a time, and streams that are left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from harness.mock import Mock
from harness.routing import Routing

pytestmark = pytest.mark.sdk


def said(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def test_answers_do_not_get_mixed_up(async_client: AsyncOpenAI) -> None:
    async def whole(number: int) -> str | None:
        made = await async_client.chat.completions.create(model="gpt-echo", messages=said(f"whole {number}"))
        return made.choices[0].message.content

    async def streamed(number: int) -> str:
        stream = await async_client.chat.completions.create(
            model="gpt-echo", messages=said(f"streamed {number}"), stream=True
        )
        async with stream:
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    answers = await asyncio.gather(*(ask(number) for number in range(20) for ask in (whole, streamed)))
    assert answers == [f"{kind} {number}" for number in range(20) for kind in ("whole", "streamed")]


async def test_an_error(async_client: AsyncOpenAI, scripted: Callable[..., str]) -> None:
    once = async_client.with_options(max_retries=0)
    with pytest.raises(openai.RateLimitError):
        await once.chat.completions.create(model=scripted(status=429), messages=said("x"))


async def test_a_cancelled_task(async_client: AsyncOpenAI, routing: Routing, mock: Mock) -> None:
    provider = routing.provider(mock.url)
    mock.script(provider.keys["main"], chunks=100_000, chunk_ms=5)
    begun = asyncio.Event()

    async def read() -> None:
        stream = await async_client.chat.completions.create(
            model=provider.model(), messages=said("x"), stream=True
        )
        async with stream:
            async for _ in stream:
                begun.set()

    task = asyncio.create_task(read())
    await asyncio.wait_for(begun.wait(), 15)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    left = await asyncio.to_thread(mock.wait_until_left, provider.keys["main"])
    assert left["finished"] is False


async def test_embeddings(async_client: AsyncOpenAI) -> None:
    made = await async_client.embeddings.create(model="text-embedding-3-small", input="one", dimensions=8)
    assert len(made.data[0].embedding) == 8


@pytest.mark.compiled
async def test_a_streamed_response(async_client: AsyncOpenAI) -> None:
    async with async_client.responses.stream(model="gpt-echo", input="Say this") as stream:
        final = await stream.get_final_response()
    assert final.output_text == "Say this"


@pytest.mark.compiled
async def test_an_upload(async_client: AsyncOpenAI) -> None:
    content = bytes(range(256)) * 8192
    made = await async_client.files.create(file=("all.bin", content), purpose="user_data")
    assert made.bytes == len(content)
    assert (await async_client.files.content(made.id)).content == content
