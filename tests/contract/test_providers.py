"""Every provider that ships, as its spec describes it, in front of the mock in that provider's shape.

The base URL of each leads to the mock with the path of the real one, so that what arrives is what the
provider would get but for the host. A provider that is added to the registry is tested here without a line
of this file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from ferrogate.providers.base import ProviderSpec
from ferrogate.providers.builtin import BUILTIN
from harness.chat import CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway
from harness.mock import Mock

pytestmark = pytest.mark.doors("native", "python")

MODEL = "org/model-1"
RESOURCES = {"openai-compatible": "/v1", "llamacpp": "/v1", "azure": ""}
"""Where a base URL is the user's, its path as it usually is."""

SHAPES: dict[str, Any] = {
    "nvidia": {"status": 400, "title": "Bad Request", "detail": "Inference error"},
    "huggingface": {"error": "The model is too busy"},
    "mistral": {"object": "error", "message": {"detail": [{"type": "extra_forbidden"}]}, "code": None},
    "sglang": {"object": "error", "message": "too long", "type": "BadRequestError", "code": 400},
    "vllm": {"object": "error", "message": "too long", "type": "BadRequestError", "code": 400},
    "deepinfra": {"detail": {"error": "Model not found"}},
    "together": {"detail": "Not Found"},
    "xai": {"code": "Client specified an invalid argument", "error": "Model not found"},
    "novita": {"code": 400, "reason": "INVALID_REQUEST_BODY", "message": "failed", "metadata": {}},
    "anthropic": {"type": "error", "error": {"type": "invalid_request_error", "message": "too long"}},
}
"""Errors that are not in OpenAI's shape."""
OPENAI_SHAPE = {
    "error": {"message": "too long", "type": "invalid_request_error", "param": None, "code": None}
}


def key_of(spec: ProviderSpec) -> str:
    return f"key-of-{spec.name}-0123456789"


def options_of(spec: ProviderSpec) -> dict[str, str]:
    return {option.name: option.default or "acc-1" for option in spec.options}


def base_path(spec: ProviderSpec) -> str:
    """The path of the real base URL."""
    if spec.base_url is None:
        return RESOURCES[spec.name]
    filled = spec.base_url
    for name in spec.base_url_options:
        filled = filled.replace(f"{{{name}}}", options_of(spec)[name])
    return urlsplit(filled).path


def configured(spec: ProviderSpec, root: str) -> ProviderSpec:
    """The spec as the options leave it, with the mock's host."""
    moved = replace(spec, base_url=f"{root}{base_path(spec)}")
    return spec.configure(moved, options_of(spec)) if spec.configure else moved


def error_of(spec: ProviderSpec) -> bytes:
    return json.dumps(SHAPES.get(spec.name, OPENAI_SHAPE), indent=1).encode()


def odd_members(spec: ProviderSpec) -> dict[str, Any]:
    """Members that some provider calls otherwise, and all that this one refuses."""
    return {"max_completion_tokens": 7, "seed": 5, **dict.fromkeys(spec.quirks.unsupported, "x"), "n": 1}


@dataclass
class Heard:
    """What became of the requests to one provider."""

    answers: dict[str, httpx.Response]
    arrived: dict[str, list[dict[str, Any]]]
    rows: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def heard(door: Door, mock: Mock, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Heard]:
    """One gateway with all providers; each is asked for an answer, a stream, an error, and by odd members."""
    providers = {
        spec.name: {"base_url": f"{mock.root}{base_path(spec)}", "keys": [key_of(spec)], **options_of(spec)}
        for spec in BUILTIN
    }
    found = {spec.name: Heard({}, {}, {}) for spec in BUILTIN}
    streamed = {"stream": True, "stream_options": {"include_usage": True}}
    bodies: dict[str, dict[str, Any] | None] = {
        "answer": {}, "stream": streamed, "error": {}, "quirks": None, "strict": None,
    }  # fmt: skip
    with Gateway(tmp_path_factory.mktemp(f"all-{door}"), door, config={"providers": providers}) as gateway:
        for spec in BUILTIN:
            for what, more in bodies.items():
                error = {"status": 400, "error_body": error_of(spec).decode()} if what == "error" else {}
                mock.script(key_of(spec), usage="7,3", **error)
                before = len(mock.requests(key_of(spec)))
                body = chat(f"{spec.name}/{MODEL}", **(odd_members(spec) if more is None else more))
                headers = {
                    "content-type": "application/json",
                    "x-gateway-strict": str(what == "strict").lower(),
                }
                found[spec.name].answers[what] = gateway.http.post(CHAT, content=body, headers=headers)
                found[spec.name].arrived[what] = mock.requests(key_of(spec))[before:]
        for one in found.values():
            for what, answer in one.answers.items():
                one.rows[what] = gateway.row(answer.headers["x-gateway-request-id"])
    return found


def converts(spec: ProviderSpec, door: Door) -> bool:
    """Whether the door can serve the provider at all: the Python engine converts nothing."""
    return door.is_compiled or spec.dialect == "openai"


every = pytest.mark.parametrize("spec", BUILTIN, ids=lambda spec: spec.name)


@every
def test_it_arrives_where_and_as_the_spec_says(
    heard: dict[str, Heard], spec: ProviderSpec, door: Door, mock: Mock
) -> None:
    if not converts(spec, door):
        assert heard[spec.name].answers["answer"].status_code == 501
        assert heard[spec.name].arrived["answer"] == []
        return
    ready = configured(spec, mock.root)
    path = "messages" if spec.dialect == "anthropic" else "chat/completions"
    template = ready.templates.get("chat.completions", ready.templates["*"])
    target = template.replace("{path}", path).replace("{model}", quote(MODEL, safe=""))
    (request,) = heard[spec.name].arrived["answer"]
    assert request["method"] == "POST"
    assert request["path"] == urlsplit(ready.base_url or "").path + target
    assert request["query"] == ready.query
    headers = dict(request["headers"])
    assert headers[ready.auth.header] == f"{ready.auth.prefix}{key_of(spec)}"
    assert {name: headers.get(name) for name in ready.headers} == ready.headers
    others = {"authorization", "api-key", "x-api-key", "x-goog-api-key"} - {ready.auth.header}
    assert not others & headers.keys()
    assert headers["content-type"] == "application/json"
    body = json.loads(request["body_text"])
    assert body["model"] == MODEL
    if spec.dialect == "openai":
        assert body == json.loads(chat(MODEL))


@every
def test_an_answer_and_its_tokens(heard: dict[str, Heard], spec: ProviderSpec, door: Door) -> None:
    if not converts(spec, door):
        return
    answer, row = heard[spec.name].answers["answer"], heard[spec.name].rows["answer"]
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-gateway-provider"] == spec.name
    assert answer.json()["choices"][0]["message"]["content"]
    assert (row["provider"], row["upstream_model"], row["error"]) == (spec.name, MODEL, None)
    assert (row["tokens"]["input"], row["tokens"]["output"]) == (7, 3)


@every
def test_a_stream_and_its_tokens(heard: dict[str, Heard], spec: ProviderSpec, door: Door) -> None:
    if not converts(spec, door):
        return
    answer, row = heard[spec.name].answers["stream"], heard[spec.name].rows["stream"]
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, done = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert done == "[DONE]"
    parts = [json.loads(event) for event in events]
    assert "".join(choice["delta"].get("content") or "" for part in parts for choice in part["choices"])
    (usage,) = [part["usage"] for part in parts if part.get("usage")]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (7, 3)
    assert (row["stream"], row["tokens"]["input"], row["tokens"]["output"]) == (True, 7, 3)


@every
def test_an_error_in_its_own_shape(heard: dict[str, Heard], spec: ProviderSpec, door: Door) -> None:
    if not converts(spec, door):
        return
    answer, row = heard[spec.name].answers["error"], heard[spec.name].rows["error"]
    assert answer.status_code == 400
    assert (row["status"], row["provider"], row["error"]) == (400, spec.name, "upstream_rejected")
    if spec.dialect == "openai":
        assert answer.content == error_of(spec), "the body is the provider's, byte for byte"
    else:
        assert answer.json()["error"]["message"] == SHAPES[spec.name]["error"]["message"]


@every
def test_its_quirks_and_nothing_else_change_the_body(heard: dict[str, Heard], spec: ProviderSpec) -> None:
    if spec.dialect != "openai":
        return
    quirks, told = spec.quirks, heard[spec.name]
    sent = json.loads(chat(MODEL, **odd_members(spec)))
    (request,) = told.arrived["quirks"]
    kept = {
        quirks.rename.get(name, name): value for name, value in sent.items() if name not in quirks.unsupported
    }
    added = {name: value for name, value in quirks.required.items() if name not in kept}
    assert list(json.loads(request["body_text"]).items()) == [*added.items(), *kept.items()]
    if not added:
        assert request["body_text"] == json.dumps(kept), "the bytes are the client's"
    answer, row = told.answers["quirks"], told.rows["quirks"]
    assert answer.status_code == 200, answer.text
    dropped = ", ".join(name for name in sent if name in quirks.unsupported)
    assert answer.headers.get("x-gateway-dropped", "") == dropped
    assert [attempt["dropped"] for attempt in row["attempts"] if attempt.get("dropped")] == [dropped] * bool(
        dropped
    )


@every
def test_a_strict_client_is_told_instead(heard: dict[str, Heard], spec: ProviderSpec) -> None:
    if spec.dialect != "openai":
        return
    answer, arrived = heard[spec.name].answers["strict"], heard[spec.name].arrived["strict"]
    if not spec.quirks.unsupported:
        assert (answer.status_code, len(arrived)) == (200, 1)
        return
    assert (answer.status_code, arrived) == (400, [])
    error = answer.json()["error"]
    assert error["code"] == "invalid_request"
    assert all(name in error["message"] for name in spec.quirks.unsupported)


def test_every_shape_is_of_a_provider_that_ships() -> None:
    assert SHAPES.keys() <= {spec.name for spec in BUILTIN}
    assert RESOURCES.keys() == {spec.name for spec in BUILTIN if spec.base_url is None}
