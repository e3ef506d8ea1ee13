"""Requests and answers of OpenAI's chat, as short as they may be."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["ANSWER", "CHAT", "DONE", "FINISH", "ROLE", "chat", "delta", "event"]

CHAT = "/openai/v1/chat/completions"
"""The path that an SDK with the documented base URL calls."""

ANSWER = (
    b'{"id":"c-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,'
    b'"prompt_tokens_details":{"cached_tokens":2}}}'
)


def chat(model: str, **more: Any) -> bytes:
    """A chat request."""
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}], **more}).encode()


def event(data: Any) -> bytes:
    """One event of a chat stream."""
    return b"data: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"


def delta(text: str) -> bytes:
    """A piece of the answer's text."""
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})


ROLE = event(
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
)
"""How a chat stream begins: an event without content."""
FINISH = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
DONE = b"data: [DONE]\n\n"
