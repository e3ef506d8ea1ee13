"""LiteLLM's SDK, with nothing changed but its base URL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from sdk_environment import USER_KEY

pytestmark = [
    pytest.mark.sdk,
    # LiteLLM builds pydantic models on the openai package's TypedDicts while it reads a stream.
    pytest.mark.filterwarnings(
        "ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"
    ),
]

HELLO = [{"role": "user", "content": "Hello from LiteLLM"}]


@pytest.fixture(scope="session")
def litellm() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # its import fetches a list of prices otherwise
        import litellm

    return litellm


@pytest.fixture
def closed_loop() -> Iterator[None]:
    """LiteLLM's synchronous calls make an event loop and leave it open; this one is closed."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def asked(base_url: str) -> dict[str, Any]:
    return {"model": "openai/gpt-echo", "messages": HELLO, "api_base": base_url, "api_key": USER_KEY}


@pytest.mark.usefixtures("closed_loop")
def test_a_chat(litellm: ModuleType, asked: dict[str, Any]) -> None:
    answer = litellm.completion(**asked)
    assert answer.choices[0].message.content == "Hello from LiteLLM"
    assert answer.usage.completion_tokens > 0


@pytest.mark.usefixtures("closed_loop")
def test_a_stream(litellm: ModuleType, asked: dict[str, Any]) -> None:
    chunks = list(litellm.completion(**asked, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello from LiteLLM"
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_an_asynchronous_stream(litellm: ModuleType, asked: dict[str, Any]) -> None:
    stream = await litellm.acompletion(**asked, stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == "Hello from LiteLLM"


@pytest.mark.usefixtures("closed_loop")
def test_an_error(litellm: ModuleType, asked: dict[str, Any], scripted: Callable[..., str]) -> None:
    with pytest.raises(litellm.RateLimitError):
        litellm.completion(
            **asked | {"model": f"openai/{scripted(status=429)}"}, num_retries=0, max_retries=0
        )
