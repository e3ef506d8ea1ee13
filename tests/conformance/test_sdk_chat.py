"""Chat with the official SDK: whole, streamed, with tools, with a schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel
from sdk_environment import PROVIDER_KEY, USER_KEY

from harness.gateway import Gateway

pytestmark = pytest.mark.sdk

HELLO: Any = [{"role": "user", "content": "Grüße, 世界 \U0001f44b"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "minLength": 1},
                "days": {"type": "integer", "minimum": 3},
            },
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
CALL_IT: Any = {"type": "function", "function": {"name": "weather"}}


def test_a_completion(client: OpenAI) -> None:
    completion = client.chat.completions.create(model="gpt-echo", messages=HELLO)
    assert completion.object == "chat.completion"
    assert completion.model == "gpt-echo"
    assert completion.choices[0].message.content == HELLO[0]["content"]
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert (
        completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    )


def test_the_provider_gets_its_own_key_and_the_body_as_it_was(
    client: OpenAI, arrived: Callable[[], dict[str, Any]]
) -> None:
    client.chat.completions.create(
        model="gpt-4o-mini",
        messages=HELLO,
        temperature=0.25,
        seed=7,
        extra_body={"not_in_any_sdk": {"a": [1.50, None]}},
    )
    request = arrived()
    assert ["authorization", f"Bearer {PROVIDER_KEY}"] in request["headers"]
    assert USER_KEY not in json.dumps(request)
    assert json.loads(request["body_text"]) == {
        "model": "gpt-4o-mini",
        "messages": HELLO,
        "temperature": 0.25,
        "seed": 7,
        "not_in_any_sdk": {"a": [1.5, None]},
    }
    assert '"a":[1.5,null]' in request["body_text"]


def test_what_the_gateway_knows_is_in_headers(client: OpenAI, gateway: Gateway) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=HELLO, extra_headers={"x-request-id": "of-the-application"}
    )
    completion = raw.parse()
    assert raw.headers["x-gateway-provider"] == "openai"
    assert raw.headers["x-gateway-model"] == "gpt-4o-mini"
    assert raw.headers["x-gateway-key"] == "main"
    assert raw.headers["x-gateway-attempts"] == "1"
    assert int(raw.headers["x-gateway-overhead-us"]) >= 0
    row = gateway.row(raw.headers["x-gateway-request-id"])
    assert completion.usage is not None
    assert row["tokens"]["input"] == completion.usage.prompt_tokens
    assert row["tokens"]["output"] == completion.usage.completion_tokens
    assert row["client_request_id"] == "of-the-application"


def test_a_stream(client: OpenAI) -> None:
    with client.chat.completions.create(model="gpt-echo", messages=HELLO, stream=True) as stream:
        chunks = list(stream)
    assert _text(chunks) == HELLO[0]["content"]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_with_its_usage(client: OpenAI, arrived: Callable[[], dict[str, Any]]) -> None:
    options: Any = {"include_usage": True}
    with client.chat.completions.create(
        model="gpt-4o-mini", messages=HELLO, stream=True, stream_options=options
    ) as stream:
        chunks = list(stream)
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert json.loads(arrived()["body_text"])["stream_options"] == options


def test_the_stream_helper(client: OpenAI) -> None:
    with client.chat.completions.stream(model="gpt-echo", messages=HELLO) as stream:
        kinds = {event.type for event in stream}
        completion = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert completion.choices[0].message.content == HELLO[0]["content"]


def test_a_tool_call(client: OpenAI) -> None:
    completion = client.chat.completions.create(
        model="gpt-4o-mini", messages=HELLO, tools=[WEATHER], tool_choice=CALL_IT
    )
    choice = completion.choices[0]
    assert choice.finish_reason in ("tool_calls", "stop")
    assert choice.message.tool_calls is not None
    call = choice.message.tool_calls[0]
    assert call.type == "function"
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments) == {"city": "x", "days": 3}


def test_a_tool_call_and_its_result_go_up(client: OpenAI, arrived: Callable[[], dict[str, Any]]) -> None:
    asked = client.chat.completions.create(
        model="gpt-echo", messages=HELLO, tools=[WEATHER], tool_choice=CALL_IT
    )
    calls = asked.choices[0].message.tool_calls
    assert calls
    messages = [
        *HELLO,
        asked.choices[0].message.to_dict(),
        {"role": "tool", "tool_call_id": calls[0].id, "content": "sunny"},
    ]
    answer = client.chat.completions.create(model="gpt-echo", messages=messages, tools=[WEATHER])
    assert answer.choices[0].message.content
    assert json.loads(arrived()["body_text"])["messages"] == messages


def test_a_streamed_tool_call(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model="gpt-4o-mini", messages=HELLO, tools=[WEATHER], tool_choice=CALL_IT
    ) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        completion = stream.get_final_completion()
    assert [event.name for event in done] == ["weather"]
    assert json.loads(done[0].arguments) == {"city": "x", "days": 3}
    assert completion.choices[0].message.tool_calls


class Invoice(BaseModel):
    number: int
    paid: bool
    lines: list[str]


def test_structured_output(client: OpenAI) -> None:
    completion = client.chat.completions.parse(model="gpt-4o-mini", messages=HELLO, response_format=Invoice)
    assert completion.choices[0].message.parsed == Invoice(number=0, paid=False, lines=[])


def test_streamed_structured_output(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model="gpt-4o-mini", messages=HELLO, response_format=Invoice
    ) as stream:
        completion = stream.get_final_completion()
    assert completion.choices[0].message.parsed == Invoice(number=0, paid=False, lines=[])


def test_the_older_completions(client: OpenAI) -> None:
    completion = client.completions.create(model="gpt-echo", prompt="Once upon")
    assert completion.choices[0].text == "Once upon"
    with client.completions.create(model="gpt-echo", prompt="Once upon", stream=True) as stream:
        assert "".join(chunk.choices[0].text for chunk in stream) == "Once upon"


@pytest.mark.parametrize("path", ["/openai", "/openai/", "/openai/v1", "/v1"])
def test_a_base_url_with_and_without_version(client: OpenAI, gateway: Gateway, path: str) -> None:
    other = client.with_options(base_url=f"{gateway.url}{path}")
    completion = other.chat.completions.create(model="gpt-echo", messages=HELLO)
    assert completion.choices[0].message.content == HELLO[0]["content"]


def _text(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
