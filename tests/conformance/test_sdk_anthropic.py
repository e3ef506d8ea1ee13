"""The official SDK of OpenAI, served by Anthropic: what it raises, parses and assembles."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from sdk_environment import USER_KEY
from test_sdk_chat import CALL_IT, HELLO, WEATHER

from harness.gateway import Gateway
from harness.mock import Mock
from harness.routing import Declared, Routing

pytestmark = [pytest.mark.sdk, pytest.mark.compiled]


@pytest.fixture
def claude(routing: Routing, mock: Mock) -> Declared:
    return routing.provider(f"{mock.root}/anthropic/v1", kind="anthropic")


def test_a_completion(client: OpenAI, claude: Declared) -> None:
    completion = client.chat.completions.create(model=claude.model("claude-echo"), messages=HELLO)
    assert completion.object == "chat.completion"
    assert completion.choices[0].message.content == HELLO[0]["content"]
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.completion_tokens > 0


def test_a_stream(client: OpenAI, claude: Declared) -> None:
    stream = client.chat.completions.create(
        model=claude.model("claude-echo"), messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == HELLO[0]["content"]
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_with_tools(client: OpenAI, claude: Declared, stream: bool) -> None:
    messages = list(HELLO)
    asked: dict[str, Any] = {"model": claude.model("claude"), "tools": [WEATHER], "tool_choice": CALL_IT}
    if stream:
        with client.chat.completions.stream(messages=messages, **asked) as events:
            message = events.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.create(messages=messages, **asked).choices[0].message
    assert message.tool_calls is not None
    (call,) = message.tool_calls
    assert call.type == "function"
    assert call.function.name == "weather"
    json.loads(call.function.arguments)
    messages.append(message.model_dump(exclude_none=True, exclude={"parsed"}))
    messages[-1]["tool_calls"] = [
        {"id": call.id, "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    ]
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "sunny"})
    last = client.chat.completions.create(model=asked["model"], tools=[WEATHER], messages=messages)
    assert last.choices[0].message.content


def test_errors_are_raised_as_the_clients_own(
    gateway: Gateway, claude: Declared, mock: Mock, routing: Routing
) -> None:
    with OpenAI(base_url=f"{gateway.url}/openai", api_key=USER_KEY, max_retries=0) as client:
        mock.script(claude.keys["main"], status=529)
        with pytest.raises(openai.InternalServerError) as overloaded:
            client.chat.completions.create(model=claude.model("claude-echo"), messages=HELLO)
        assert overloaded.value.status_code == 503
        mock.script(claude.keys["main"], status=429, retry_after="3")
        with pytest.raises(openai.RateLimitError) as limited:
            client.chat.completions.create(model=claude.model("other"), messages=HELLO)
        assert limited.value.response.headers["retry-after"] == "3"


def test_openai_is_down_and_nobody_notices(
    client: OpenAI, claude: Declared, mock: Mock, routing: Routing
) -> None:
    down = routing.provider(mock.url)
    mock.script(down.keys["main"], status=500)
    alias = routing.alias(down.model("gpt-echo"), claude.model("claude-echo"))
    for _ in range(10):
        answer = client.chat.completions.create(model=alias, messages=HELLO)
        assert answer.choices[0].message.content == HELLO[0]["content"]
        chunks = client.chat.completions.create(model=alias, messages=HELLO, stream=True)
        text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        assert text == HELLO[0]["content"]
