"""What one tenant asked and was answered never reaches another tenant, whatever the wording or the way."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from harness.chat import CHAT
from harness.doors import Door
from harness.gateway import Gateway
from harness.upstream import Exchange, Upstream, json_answer

TOKEN = "fga_of-the-tenants-0123456789"
WORDINGS = ("How do I reset my password?", "how do I reset my PASSWORD", "How do I reset my password ??")


@pytest.fixture(scope="module")
def provider() -> Iterator[Upstream]:
    """Answers with the number of the call, so that every answer is somebody's."""
    with Upstream() as server:
        numbers = itertools.count(1)

        def numbered(exchange: Exchange) -> None:
            content = f"Answer {next(numbers)}."
            choice = (
                f'{{"index":0,"message":{{"role":"assistant","content":"{content}"}},"finish_reason":"stop"}}'
            )
            body = f'{{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{choice}]}}'
            json_answer(body.encode())(exchange)

        server.script = numbered
        yield server


@pytest.fixture(scope="module")
def guarded(door: Door, provider: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    key = {"value": "sk-of-this-test-0123456789"}
    on = {"exact": {"enabled": True}, "semantic": {"enabled": True, "profile": "recall"}}
    config = {
        "server": {"auth": "required"},
        "providers": {"up": {"kind": "openai-compatible", "base_url": provider.url, "keys": [key]}},
        "models": {"faq": {"targets": ["up/m"], "cache": on}},
        "cache": {"embedder": {"model": "hashed"}},
    }
    folder = tmp_path_factory.mktemp(f"tenants-{door}")
    environ = {"GATEWAY_ADMIN_TOKEN": TOKEN}
    with Gateway(folder, door, config=config, environ=environ, admin_token=TOKEN) as gateway:
        yield gateway


def test_answers_stay_with_their_tenant(guarded: Gateway) -> None:
    tenants = {"one": "team-a", "two": "team-b", "three": "team-a", "four": None, "five": "team-A"}
    keys = {}
    for name, tenant in tenants.items():
        body = {"name": name} | ({"tenant": tenant} if tenant else {})
        keys[name] = guarded.call("POST", "gateway-keys", **body)["secret"]
    owner: dict[str, str] = {}
    for text, stream, (name, key) in itertools.product(WORDINGS, (False, True), keys.items()):
        tenant = tenants[name] or name
        asked = {"model": "faq", "stream": stream, "messages": [{"role": "user", "content": text}]}
        headers = {"authorization": f"Bearer {key}"}
        answer = guarded.http.post(CHAT, json=asked, headers=headers)
        assert answer.status_code == 200, answer.text
        said = answer.text.split("Answer ")[1].split(".")[0]
        assert owner.setdefault(said, tenant) == tenant, (name, text, stream)
    assert len(owner) == len({tenant or name for name, tenant in tenants.items()}), "one call a tenant"
