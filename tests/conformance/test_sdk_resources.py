"""Everything but chat, with the official SDK."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI
from sdk_environment import PROVIDER_KEY

pytestmark = pytest.mark.sdk

TEXTS = ["one", "two words"]


@pytest.mark.parametrize("form", ["float", "base64"])
def test_embeddings_in_a_stated_form(client: OpenAI, direct: OpenAI, form: Any) -> None:
    asked: Any = {
        "model": "text-embedding-3-small",
        "input": TEXTS,
        "encoding_format": form,
        "dimensions": 64,
    }
    made, expected = client.embeddings.create(**asked), direct.embeddings.create(**asked)
    assert [item.embedding for item in made.data] == [item.embedding for item in expected.data]
    assert [item.index for item in made.data] == [0, 1]
    assert made.usage == expected.usage


def test_embeddings_as_the_sdk_asks_for_them(client: OpenAI, direct: OpenAI) -> None:
    made = client.embeddings.create(model="text-embedding-3-small", input="one")
    assert len(made.data[0].embedding) == 1536
    assert made.data == direct.embeddings.create(model="text-embedding-3-small", input="one").data


def test_moderations(client: OpenAI) -> None:
    checked = client.moderations.create(model="omni-moderation-latest", input=["kind words", "violence"])
    assert [result.flagged for result in checked.results] == [False, True]
    assert checked.results[1].categories.violence


def test_models(client: OpenAI, direct: OpenAI) -> None:
    listed = {model.id for model in client.models.list()}
    assert {model.id for model in direct.models.list()} <= listed


def test_one_model(client: OpenAI) -> None:
    assert client.models.retrieve("gpt-4o-mini").id == "gpt-4o-mini"


@pytest.mark.compiled
def test_images(client: OpenAI, direct: OpenAI) -> None:
    made = client.images.generate(model="gpt-image-1", prompt="a pixel", n=2)
    assert made.data is not None
    assert len(made.data) == 2
    assert made.data == direct.images.generate(model="gpt-image-1", prompt="a pixel", n=2).data
    assert base64.b64decode(made.data[0].b64_json or "").startswith(b"\x89PNG")


@pytest.mark.compiled
def test_an_edited_image(client: OpenAI, arrived: Callable[[], dict[str, Any]]) -> None:
    picture = bytes(range(256)) * 4096
    made = client.images.edit(model="gpt-image-1", image=("in.png", picture, "image/png"), prompt="brighter")
    assert made.data is not None
    assert base64.b64decode(made.data[0].b64_json or "").startswith(b"\x89PNG")
    request = arrived()
    assert picture in base64.b64decode(request["body_base64"])
    assert dict(request["headers"])["content-type"].startswith("multipart/form-data; boundary=")


@pytest.mark.compiled
def test_speech(client: OpenAI, direct: OpenAI, tmp_path: Path) -> None:
    asked: Any = {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Hello"}
    spoken = client.audio.speech.create(**asked)
    assert spoken.content == direct.audio.speech.create(**asked).content
    assert spoken.response.headers["content-type"] == "audio/mpeg"
    with client.audio.speech.with_streaming_response.create(**asked) as streamed:
        streamed.stream_to_file(tmp_path / "speech.mp3")
    assert (tmp_path / "speech.mp3").read_bytes() == spoken.content


@pytest.mark.compiled
def test_a_transcription(client: OpenAI, arrived: Callable[[], dict[str, Any]]) -> None:
    sound = b"RIFF" + bytes(range(256)) * 64
    heard = client.audio.transcriptions.create(model="whisper-1", file=("a.wav", sound, "audio/wav"))
    assert heard.text == "The mock provider heard this."
    assert sound in base64.b64decode(arrived()["body_base64"])
    text: Any = client.audio.transcriptions.create(
        model="whisper-1", file=("a.wav", sound, "audio/wav"), response_format="text"
    )
    assert text == "The mock provider heard this.\n"


@pytest.mark.compiled
def test_a_file_and_a_batch_over_it(client: OpenAI, arrived: Callable[[], dict[str, Any]]) -> None:
    lines = b'{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n' * 20_000
    made = client.files.create(file=("in.jsonl", io.BytesIO(lines)), purpose="batch")
    assert (made.filename, made.bytes, made.purpose) == ("in.jsonl", len(lines), "batch")
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id).content == lines
    assert made.id in [file.id for file in client.files.list()]

    batch = client.batches.create(
        input_file_id=made.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"of": "a test"},
    )
    assert (batch.input_file_id, batch.metadata) == (made.id, {"of": "a test"})
    assert client.batches.retrieve(batch.id) == batch
    assert batch.id in [listed.id for listed in client.batches.list()]
    assert client.batches.cancel(batch.id).id == batch.id

    assert client.files.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(made.id)
    assert ["authorization", f"Bearer {PROVIDER_KEY}"] in arrived()["headers"]


@pytest.mark.compiled
def test_a_path_that_no_sdk_has_a_method_for(client: OpenAI, arrived: Callable[[], dict[str, Any]]) -> None:
    with pytest.raises(openai.NotFoundError):
        client.post("/a/path/of/tomorrow", cast_to=object, body={"x": 1}, options={"params": {"q": "a b"}})
    request = arrived()
    assert (request["path"], request["query"]) == ("/v1/a/path/of/tomorrow", "q=a+b")
    assert json.loads(request["body_text"]) == {"x": 1}
