"""The gateway in front of a real server, and the same SDK without a gateway to compare with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from llama_server import KEY, LlamaServer
from openai import OpenAI

from harness.doors import Door
from harness.gateway import Gateway

PATIENCE_S = 30.0
"""Shorter than any connection is kept: an answer whose end never comes is a failure and not a wait."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    with LlamaServer(tmp_path_factory.mktemp("llama")) as running:
        yield running


@pytest.fixture(scope="session")
def gateway(door: Door, server: LlamaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose OpenAI is the real server."""
    keys = [{"name": "main", "value": KEY}]
    config = {"providers": {"openai": {"base_url": server.url, "keys": keys}}}
    with Gateway(tmp_path_factory.mktemp(f"real-{door}"), door, config=config) as running:
        yield running


@pytest.fixture(scope="session")
def client(gateway: Gateway) -> Iterator[OpenAI]:
    url = f"{gateway.url}/openai"
    with OpenAI(base_url=url, api_key="sk-the-application's", max_retries=0, timeout=PATIENCE_S) as sdk:
        yield sdk


@pytest.fixture(scope="session")
def direct(server: LlamaServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.url, api_key=KEY, max_retries=0) as sdk:
        yield sdk
