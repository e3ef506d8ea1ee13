"""The Responses API with the official SDK."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

pytestmark = [pytest.mark.sdk, pytest.mark.compiled]

FUNCTION: Any = {
    "type": "function",
    "name": "lookup",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"term": {"type": "string", "minLength": 2}},
        "required": ["term"],
        "additionalProperties": False,
    },
}


class Place(BaseModel):
    name: str
    height: int


def test_a_response(client: OpenAI) -> None:
    response = client.responses.create(model="gpt-echo", input="Say this", instructions="Be brief.")
    assert response.output_text == "Say this"
    assert response.status == "completed"
    assert response.instructions == "Be brief."
    assert response.usage is not None
    assert response.usage.output_tokens > 0


def test_a_streamed_response(client: OpenAI) -> None:
    with client.responses.create(model="gpt-echo", input="Say this", stream=True) as stream:
        events = list(stream)
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    assert (
        "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Say this"
    )
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_the_stream_helper(client: OpenAI) -> None:
    with client.responses.stream(model="gpt-4o-mini", input="x", text_format=Place) as stream:
        final = stream.get_final_response()
    assert final.output_parsed == Place(name="", height=0)


def test_structured_output(client: OpenAI) -> None:
    response = client.responses.parse(model="gpt-4o-mini", input="x", text_format=Place)
    assert response.output_parsed == Place(name="", height=0)


@pytest.mark.parametrize("stream", [False, True])
def test_a_function_call(client: OpenAI, stream: bool) -> None:
    asked: Any = {"model": "gpt-4o-mini", "input": "x", "tools": [FUNCTION], "tool_choice": "required"}
    if stream:
        with client.responses.stream(**asked) as events:
            response = events.get_final_response()
    else:
        response = client.responses.create(**asked)
    call = response.output[0]
    assert call.type == "function_call"
    assert call.name == "lookup"
    assert json.loads(call.arguments) == {"term": "xx"}


def test_a_stored_response(client: OpenAI) -> None:
    made = client.responses.create(model="gpt-echo", input="Keep this")
    assert client.responses.retrieve(made.id).output_text == "Keep this"
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
