"""Official SDKs in front of the gateway, with nothing changed but their base URL.

The same tests run in two environments, because clients disagree about the ``openai`` package that they stand
on: with the newest one, and beside LangChain, in the development environment; with the one before, and beside
LiteLLM and LlamaIndex, in ``.cache/sdk``. ``make test`` runs both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from sdk_environment import IS_NEWEST, PROVIDER_KEY, USER_KEY

from harness.doors import Door
from harness.gateway import Gateway
from harness.mock import Mock
from harness.routing import Routing

collect_ignore = ["test_litellm.py", "test_llama_index.py"] if IS_NEWEST else ["test_langchain.py"]

PATIENCE_S = 30.0
"""Shorter than any connection is kept: an answer whose end never comes is a failure and not a wait."""


@pytest.fixture(scope="session")
def gateway(door: Door, mock: Mock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose OpenAI is the mock."""
    keys = [{"name": "main", "value": PROVIDER_KEY}]
    config = {"providers": {"openai": {"base_url": mock.url, "keys": keys}}}
    with Gateway(tmp_path_factory.mktemp(f"conformance-{door}"), door, config=config) as running:
        yield running


@pytest.fixture
def base_url(gateway: Gateway) -> str:
    """What a user types."""
    return f"{gateway.url}/openai"


@pytest.fixture(scope="session")
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/openai", api_key=USER_KEY, timeout=PATIENCE_S) as sdk:
        yield sdk


@pytest.fixture
async def async_client(base_url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=base_url, api_key=USER_KEY, timeout=PATIENCE_S) as sdk:
        yield sdk


@pytest.fixture(scope="session")
def direct(mock: Mock) -> Iterator[OpenAI]:
    """The same SDK without a gateway, to compare with."""
    with OpenAI(base_url=mock.url, api_key="sk-direct") as sdk:
        yield sdk


@pytest.fixture
def arrived(mock: Mock) -> Callable[[], dict[str, Any]]:
    """The last request that reached the provider."""
    return lambda: mock.wait_for(PROVIDER_KEY)[-1]


@pytest.fixture
def scripted(routing: Routing, mock: Mock) -> Callable[..., str]:
    """Make a model of which every request is answered as the script says; return its name."""

    def make(**behaviour: Any) -> str:
        provider = routing.provider(mock.url)
        mock.script(provider.keys["main"], **behaviour)
        return provider.model("gpt-4o-mini")

    return make
