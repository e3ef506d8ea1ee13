"""What goes wrong reaches an application as the exception that its SDK has for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionChunk
from sdk_environment import USER_KEY

from harness.doors import Door
from harness.gateway import Gateway
from harness.mock import Mock
from harness.routing import Routing

pytestmark = pytest.mark.sdk

HELLO: Any = [{"role": "user", "content": "Hello"}]
CONNECTION_CUT = (openai.APIConnectionError, httpx.RemoteProtocolError)
"""What the SDK raises where the connection ends amid a stream: its own class, or httpx's."""
GATEWAY_KEY = "gk-conformance-0123456789abcdef0123456789"


@pytest.fixture
def once(client: OpenAI) -> OpenAI:
    """The client without retries of its own: one request, one exception."""
    return client.with_options(max_retries=0)


@pytest.fixture(scope="session")
def guarded(door: Door, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that asks for a key and has none for its providers."""
    environ = {"GATEWAY_KEY": GATEWAY_KEY, "GATEWAY_ADMIN_TOKEN": "admin-conformance-0123456789abcdef"}
    folder = tmp_path_factory.mktemp(f"guarded-{door}")
    with Gateway(folder, door, config={"server": {"auth": "required"}}, environ=environ) as running:
        yield running


def test_no_gateway_key(guarded: Gateway) -> None:
    with (
        OpenAI(base_url=f"{guarded.url}/openai", api_key=USER_KEY) as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.chat.completions.create(model="gpt-4o-mini", messages=HELLO)
    assert caught.value.code == "gateway_key_invalid"
    assert caught.value.type == "authentication_error"
    assert USER_KEY not in str(caught.value)


def test_a_gateway_key_and_no_provider_key(guarded: Gateway) -> None:
    with (
        OpenAI(base_url=f"{guarded.url}/openai", api_key=GATEWAY_KEY) as client,
        pytest.raises(openai.AuthenticationError, match="OPENAI_API_KEY") as caught,
    ):
        client.chat.completions.create(model="gpt-4o-mini", messages=HELLO)
    assert caught.value.code == "provider_key_missing"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_status_of_the_provider(
    once: OpenAI, scripted: Callable[..., str], status: int, kind: type[openai.APIStatusError], stream: bool
) -> None:
    with pytest.raises(kind) as caught:
        once.chat.completions.create(model=scripted(status=status), messages=HELLO, stream=stream)
    assert caught.value.status_code == status
    assert caught.value.request_id == caught.value.response.headers["x-request-id"]
    assert caught.value.response.headers["x-gateway-request-id"]


def test_the_words_of_the_provider_arrive(once: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="does not exist or you do not have access") as caught:
        once.chat.completions.create(model="missing-model", messages=HELLO)
    assert caught.value.code == "model_not_found"


def test_retry_after_of_a_rate_limit(once: OpenAI, scripted: Callable[..., str]) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        once.chat.completions.create(model=scripted(status=429, retry_after="7"), messages=HELLO)
    assert caught.value.response.headers["retry-after"] == "7"


def test_a_provider_that_is_not_there(once: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="openai") as caught:
        once.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, extra_headers={"x-gateway-provider": "opanai"}
        )
    assert caught.value.code == "provider_not_found"


def test_no_model(once: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        once.chat.completions.create(model="", messages=HELLO)
    assert caught.value.code == "model_missing"
    assert caught.value.param == "model"


@pytest.mark.parametrize("fault", ["close", "reset"])
def test_a_provider_that_hangs_up(once: OpenAI, scripted: Callable[..., str], fault: str) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        once.chat.completions.create(model=scripted(**{fault: True}), messages=HELLO)
    assert caught.value.status_code == 502
    assert caught.value.code == "upstream_reset"


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [("cut_after", "gateway_error", "upstream_cut"), ("error_after", "server_error", None)],
    ids=["cut", "error"],
)
def test_a_stream_that_breaks_never_looks_finished(
    once: OpenAI, scripted: Callable[..., str], fault: str, kind: str, code: str | None
) -> None:
    model = scripted(**{fault: 3, "chunks": 10, "chunk_ms": 5})
    chunks: list[ChatCompletionChunk] = []
    with (
        once.chat.completions.create(model=model, messages=HELLO, stream=True) as stream,
        pytest.raises(openai.APIError) as caught,
    ):
        chunks.extend(stream)
    assert sum(bool(chunk.choices[0].delta.content) for chunk in chunks) == 3
    assert all(chunk.choices[0].finish_reason is None for chunk in chunks)
    assert not isinstance(caught.value, openai.APIStatusError)
    assert (caught.value.type, caught.value.code) == (kind, code)


@pytest.mark.compiled
def test_a_broken_stream_of_responses(once: OpenAI, scripted: Callable[..., str]) -> None:
    model = scripted(cut_after=3, chunks=10, chunk_ms=5)
    events: list[Any] = []
    with (
        once.responses.create(model=model, input="x", stream=True) as stream,
        pytest.raises(CONNECTION_CUT),
    ):
        events.extend(stream)
    assert events[-1].type == "error"
    assert events[-1].code == "upstream_cut"
    assert [event.type for event in events].count("response.output_text.delta") == 3
    assert "response.completed" not in [event.type for event in events]


def test_a_client_that_waits_no_longer(once: OpenAI, routing: Routing, mock: Mock) -> None:
    provider = routing.provider(mock.url)
    mock.script(provider.keys["main"], hang=True)
    with pytest.raises(openai.APITimeoutError):
        once.with_options(timeout=0.5).chat.completions.create(model=provider.model(), messages=HELLO)
    assert mock.wait_until_left(provider.keys["main"])["finished"] is False


def test_a_stream_that_the_client_leaves(once: OpenAI, routing: Routing, mock: Mock) -> None:
    provider = routing.provider(mock.url)
    mock.script(provider.keys["main"], chunks=100_000, chunk_ms=5)
    with once.chat.completions.create(model=provider.model(), messages=HELLO, stream=True) as stream:
        next(iter(stream))
    assert mock.wait_until_left(provider.keys["main"])["finished"] is False


def test_the_sdk_repeats_what_one_lane_refused(client: OpenAI, routing: Routing, mock: Mock) -> None:
    provider = routing.provider(mock.url)
    mock.script(provider.keys["main"], status=503, retry_after="0.01")
    with pytest.raises(openai.InternalServerError):
        client.with_options(max_retries=1).chat.completions.create(model=provider.model(), messages=HELLO)
    assert len(mock.requests(provider.keys["main"])) == 2


def test_the_sdk_does_not_repeat_what_every_lane_refused(
    client: OpenAI, routing: Routing, mock: Mock
) -> None:
    provider = routing.provider(mock.url, keys=("one", "two"))
    for value in provider.keys.values():
        mock.script(value, status=503)
    with pytest.raises(openai.InternalServerError) as caught:
        client.with_options(max_retries=2).chat.completions.create(model=provider.model(), messages=HELLO)
    assert caught.value.response.headers["x-gateway-attempts"] == "2"
    assert [len(mock.requests(value)) for value in provider.keys.values()] == [1, 1]


def test_what_an_engine_leaves_out_says_so(once: OpenAI, door: Door) -> None:
    if door.is_compiled:
        assert once.batches.list().object == "list"
        return
    with pytest.raises(openai.InternalServerError, match="Python engine") as caught:
        once.batches.list()
    assert caught.value.status_code == 501
    assert caught.value.code == "not_supported"
