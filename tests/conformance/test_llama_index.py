"""LlamaIndex, with nothing changed but its base URL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI
from llama_index.llms.openai_like import OpenAILike
from sdk_environment import USER_KEY

pytestmark = pytest.mark.sdk

HELLO = [ChatMessage(role="user", content="Hello from LlamaIndex")]


@pytest.fixture(params=["gpt-4o-mini", "gpt-echo"])
def llm(request: pytest.FixtureRequest, base_url: str) -> Any:
    """LlamaIndex's OpenAI takes only models that it knows; OpenAILike takes any."""
    if request.param == "gpt-4o-mini":
        return OpenAI(model="gpt-4o-mini", api_base=base_url, api_key=USER_KEY)
    return OpenAILike(model="gpt-echo", api_base=base_url, api_key=USER_KEY, is_chat_model=True)


def expected(llm: Any) -> str:
    return "Hello from LlamaIndex" if llm.model == "gpt-echo" else "Lorem ipsum dolor sit amet"


def test_a_chat(llm: Any) -> None:
    answer = llm.chat(HELLO)
    assert (answer.message.content or "").startswith(expected(llm))


def test_a_stream(llm: Any) -> None:
    parts = list(llm.stream_chat(HELLO))
    text = "".join(part.delta or "" for part in parts)
    assert text.startswith(expected(llm))
    assert len(parts) > 2
    assert parts[-1].message.content == text


async def test_an_asynchronous_stream(llm: Any) -> None:
    parts = await llm.astream_chat(HELLO)
    assert "".join([part.delta or "" async for part in parts]).startswith(expected(llm))


def test_an_error(base_url: str, scripted: Callable[..., str]) -> None:
    llm = OpenAILike(
        model=scripted(status=429), api_base=base_url, api_key=USER_KEY, is_chat_model=True, max_retries=0
    )
    with pytest.raises(openai.RateLimitError):
        llm.chat(HELLO)
