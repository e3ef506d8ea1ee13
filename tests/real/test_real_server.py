"""The official SDK, the gateway, and a real OpenAI-compatible server behind it."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import openai
import pytest
from llama_server import CHAT, EMBEDDING, KEY, LlamaServer
from openai import OpenAI
from openai.types.chat import ChatCompletionChunk
from tiny_model import CONTEXT, DIMENSIONS

from harness.gateway import Gateway, until
from harness.routing import Routing

pytestmark = pytest.mark.real

ASKED: Any = {"model": CHAT, "max_tokens": 24, "temperature": 0}
HELLO: Any = {**ASKED, "messages": [{"role": "user", "content": "Grüße, 世界"}]}
TOO_LONG: Any = {**ASKED, "prompt": "x" * (CONTEXT + 1)}
LONG: Any = {**HELLO, "max_tokens": CONTEXT - 512, "stream": True}


def test_a_completion(client: OpenAI, direct: OpenAI, gateway: Gateway) -> None:
    raw = client.completions.with_raw_response.create(prompt="Once upon a time", **ASKED)
    completion = raw.parse()
    expected = direct.completions.create(prompt="Once upon a time", **ASKED)
    assert completion.choices == expected.choices
    assert len(completion.choices[0].text) == 24
    assert completion.usage == expected.usage
    row = gateway.row(raw.headers["x-gateway-request-id"])
    assert expected.usage is not None
    assert (row["tokens"]["input"], row["tokens"]["output"]) == (expected.usage.prompt_tokens, 24)
    assert (row["outcome"], row["finish_reason"]) == ("ok", "length")


def test_a_chat(client: OpenAI, direct: OpenAI) -> None:
    completion, expected = client.chat.completions.create(**HELLO), direct.chat.completions.create(**HELLO)
    assert completion.choices == expected.choices
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage == expected.usage


def test_a_stream(client: OpenAI) -> None:
    with client.chat.completions.create(**HELLO, stream=True) as stream:
        chunks = list(stream)
    assert len(chunks) > 24
    assert _text(chunks) == client.chat.completions.create(**HELLO).choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "length"


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_the_bytes_are_the_server_s(client: OpenAI, direct: OpenAI, stream: bool) -> None:
    received = _bytes(client, stream)
    assert received == _bytes(direct, stream)
    assert received.endswith(b"data: [DONE]\n\n") is stream


def test_embeddings(client: OpenAI, direct: OpenAI) -> None:
    asked: Any = {"model": EMBEDDING, "input": ["one", "two words"]}
    made = client.embeddings.create(**asked)
    assert made.data == direct.embeddings.create(**asked).data
    assert [len(item.embedding) for item in made.data] == [DIMENSIONS, DIMENSIONS]


def test_the_models_of_the_server(client: OpenAI) -> None:
    assert {CHAT, EMBEDDING} <= {model.id for model in client.models.list()}


def test_a_prompt_that_does_not_fit(client: OpenAI, direct: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(**TOO_LONG)
    with pytest.raises(openai.BadRequestError) as expected:
        direct.completions.create(**TOO_LONG)
    assert caught.value.code == "context_length_exceeded"
    assert caught.value.body == expected.value.body


@pytest.mark.compiled
def test_a_stream_of_a_prompt_that_does_not_fit(client: OpenAI, direct: OpenAI) -> None:
    """The server says 200, fails, and ends its stream without an event: that is no answer."""
    with direct.completions.create(**TOO_LONG, stream=True) as stream:
        assert list(stream) == []
    with pytest.raises(openai.InternalServerError) as caught:
        client.completions.create(**TOO_LONG, stream=True)
    assert caught.value.status_code == 502
    assert caught.value.code == "upstream_cut"


def test_a_value_of_the_wrong_type(client: OpenAI, direct: OpenAI) -> None:
    asked: Any = {**HELLO, "temperature": "hot"}
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**asked)
    with pytest.raises(openai.APIStatusError) as expected:
        direct.chat.completions.create(**asked)
    assert type(caught.value) is type(expected.value)
    assert caught.value.body == expected.value.body


def test_a_key_that_the_server_refuses(client: OpenAI, server: LlamaServer, routing: Routing) -> None:
    provider = routing.provider(server.url, keys=[{"name": "wrong", "value": "sk-not-of-the-real-server"}])
    with pytest.raises(openai.AuthenticationError) as caught:
        client.chat.completions.create(**{**HELLO, "model": provider.model(CHAT)})
    assert caught.value.response.headers["x-gateway-provider"] == provider.name


@pytest.mark.compiled
def test_a_path_that_the_server_does_not_have(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.files.list()


def test_another_server_where_the_first_is_down(
    client: OpenAI, server: LlamaServer, routing: Routing
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    down = routing.provider(f"http://127.0.0.1:{port}/v1")
    alive = routing.provider(server.url, keys=[{"name": "main", "value": KEY}])
    alias = routing.alias(down.model(CHAT), alive.model(CHAT))
    raw = client.chat.completions.with_raw_response.create(**{**HELLO, "model": alias})
    assert raw.parse().choices[0].finish_reason == "length"
    assert raw.headers["x-gateway-provider"] == alive.name
    assert raw.headers["x-gateway-attempts"] == "2"


def test_a_stream_that_the_client_leaves(client: OpenAI, server: LlamaServer, gateway: Gateway) -> None:
    """The server serves one request at a time, so the next one is answered only if this one has ended."""
    left_before = _count_left(server)
    with client.chat.completions.create(**LONG) as stream:
        request_id = stream.response.headers["x-gateway-request-id"]
        next(iter(stream))
    until(lambda: _count_left(server) > left_before, "the end of the server's stream")
    assert client.chat.completions.create(**HELLO).choices[0].finish_reason == "length"
    assert gateway.row(request_id)["outcome"] == "cancelled"


def test_a_server_that_dies_amid_a_stream(client: OpenAI, routing: Routing, tmp_path: Path) -> None:
    chunks: list[ChatCompletionChunk] = []
    with LlamaServer(tmp_path / "llama") as mortal:
        provider = routing.provider(mortal.url, keys=[{"name": "main", "value": KEY}])
        with client.chat.completions.create(**{**LONG, "model": provider.model(CHAT)}) as stream:
            chunks.append(next(iter(stream)))
            mortal.kill()
            with pytest.raises(openai.APIError) as caught:
                chunks.extend(stream)
    assert caught.value.code in ("upstream_cut", "upstream_reset")
    assert all(chunk.choices[0].finish_reason is None for chunk in chunks)


def _text(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def _bytes(sdk: OpenAI, stream: bool) -> bytes:
    """The body of a chat as it came, without what the server makes anew for each: identifier and time."""
    with sdk.chat.completions.with_streaming_response.create(**HELLO, stream=stream) as response:
        body = b"".join(response.iter_bytes())
    body, named = re.subn(rb"chatcmpl-[0-9a-f-]+", b"chatcmpl-ID", body)
    body, dated = re.subn(rb'"created": ?\d+', b'"created": TIME', body)
    assert named == dated > 0
    return body


def _count_left(server: LlamaServer) -> int:
    return server.log.count("Disconnected from client")
