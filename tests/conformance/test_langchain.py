"""LangChain's OpenAI integration, with nothing changed but its base URL."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import openai
import pytest
from pydantic import BaseModel, SecretStr
from sdk_environment import USER_KEY

pytestmark = pytest.mark.sdk

KEY = SecretStr(USER_KEY)


@pytest.fixture(scope="session")
def langchain() -> ModuleType:
    """Imported late: it takes seconds."""
    import langchain_openai

    return langchain_openai


@pytest.fixture
def chat(langchain: ModuleType, base_url: str) -> Any:
    return langchain.ChatOpenAI(model="gpt-echo", base_url=base_url, api_key=KEY)


def test_a_chat(chat: Any) -> None:
    answer = chat.invoke("Hello from LangChain")
    assert answer.content == "Hello from LangChain"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] > 0
    assert answer.response_metadata["finish_reason"] == "stop"


def test_a_stream(chat: Any) -> None:
    chunks = list(chat.stream("Hello from LangChain"))
    assert len(chunks) > 2
    assert "".join(str(chunk.content) for chunk in chunks) == "Hello from LangChain"


async def test_an_asynchronous_stream(chat: Any) -> None:
    assert "".join([str(chunk.content) async for chunk in chat.astream("Hello, later")]) == "Hello, later"


class Answer(BaseModel):
    """What to answer."""

    text: str
    sure: bool


def test_structured_output(chat: Any) -> None:
    assert chat.with_structured_output(Answer).invoke("x") == Answer(text="", sure=False)


def test_embeddings(langchain: ModuleType, base_url: str) -> None:
    embedder = langchain.OpenAIEmbeddings(
        model="text-embedding-3-small",
        base_url=base_url,
        api_key=KEY,
        dimensions=16,
        check_embedding_ctx_length=False,  # it would download a tokenizer to cut long texts
    )
    assert len(embedder.embed_query("one")) == 16


def test_an_error(langchain: ModuleType, base_url: str, scripted: Callable[..., Any]) -> None:
    chat = langchain.ChatOpenAI(model=scripted(status=429), base_url=base_url, api_key=KEY, max_retries=0)
    with pytest.raises(openai.RateLimitError):
        chat.invoke("x")
