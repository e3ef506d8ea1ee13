"""Which secret opens what, in which header, and what becomes of several at once."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.chat import ANSWER, CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway
from harness.leaks import find, made_up, written
from harness.upstream import Upstream, json_answer
from harness.wire import Wire

KEY, OTHER, TOKEN = (made_up(word).replace("sk-", prefix) for word, prefix in (
    ("client", "fgk_"), ("other-client", "fgk_"), ("admin", "fga_"),
))  # fmt: skip
HEADERS = ["authorization", "x-api-key", "x-goog-api-key", "api-key"]
"""In the order in which the first one that is there decides."""

Pairs = list[tuple[str, str]]


@pytest.fixture(scope="module")
def provider() -> Iterator[Upstream]:
    with Upstream(script=json_answer(ANSWER)) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(door: Door, provider: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = {"kind": "openai-compatible", "base_url": provider.url, "keys": ["the-providers-own-key-0001"]}
    with Gateway(
        tmp_path_factory.mktemp(f"credentials-{door}"),
        door,
        config={"server": {"auth": "required"}, "providers": {"own": settings}},
        environ={"GATEWAY_KEY": KEY, "GATEWAY_ADMIN_TOKEN": TOKEN},
        admin_token=TOKEN,
    ) as gateway:
        yield gateway


def sent(name: str, secret: str) -> tuple[str, str]:
    return (name, f"Bearer {secret}" if name == "authorization" else secret)


def post(gateway: Gateway, headers: Pairs, path: str = CHAT) -> int:
    with Wire(gateway.port) as wire:
        wire.post(path, chat("own/m"), headers)
        return wire.answer().status


@pytest.mark.parametrize("name", HEADERS)
def test_a_secret_opens_its_own_half_only(guarded: Gateway, name: str) -> None:
    assert post(guarded, [sent(name, KEY)]) == 200
    assert post(guarded, [sent(name, TOKEN)]) == 401
    for path in ("/api/v1/keys", "/metrics", "/docs", "/openapi.json"):
        assert guarded.http.get(path, headers=[sent(name, KEY)]).status_code == 401
        opens = 200 if name == "authorization" else 401
        assert guarded.http.get(path, headers=[sent(name, TOKEN)]).status_code == opens


@pytest.mark.parametrize("first", range(len(HEADERS)))
def test_of_several_headers_the_first_decides(guarded: Gateway, first: int) -> None:
    for later in range(first + 1, len(HEADERS)):
        good, bad = sent(HEADERS[first], KEY), sent(HEADERS[later], "wrong-wrong-wrong")
        assert post(guarded, [good, bad]) == post(guarded, [bad, good]) == 200
        good, bad = sent(HEADERS[later], KEY), sent(HEADERS[first], "wrong-wrong-wrong")
        assert post(guarded, [good, bad]) == post(guarded, [bad, good]) == 401


def test_another_scheme_is_somebody_else_s(guarded: Gateway) -> None:
    basic = ("authorization", "Basic " + base64.b64encode(f"x:{KEY}".encode()).decode())
    assert post(guarded, [basic]) == 401
    assert post(guarded, [basic, ("x-api-key", KEY)]) == 200


@pytest.mark.parametrize("name", HEADERS)
def test_one_header_twice_is_no_credential(guarded: Gateway, name: str) -> None:
    for secrets in ((KEY, "wrong"), ("wrong", KEY), (KEY, KEY)):
        assert post(guarded, [sent(name, secret) for secret in secrets]) == 401
    twice = [sent("authorization", TOKEN), sent("authorization", "wrong")]
    for headers in (twice, twice[::-1]):
        assert guarded.http.get("/api/v1/keys", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer ",
        f"bearer{KEY}",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        f"Bearer {KEY.upper()}",
        f"Bearer Bearer {KEY}",
        f"Token {KEY}",
        f"Bearer {KEY},{OTHER}",
        f'Bearer "{KEY}"',
        "Bearer \xe9\xff",
        "Bearer " + "x" * 30_000,
    ],
    ids=range(12),
)
def test_what_resembles_the_key_opens_nothing(guarded: Gateway, value: str) -> None:
    assert post(guarded, [("Authorization", value)]) == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_s_case_does_not_matter(guarded: Gateway, scheme: str) -> None:
    assert post(guarded, [("Authorization", f"{scheme} {KEY}")]) == 200
    assert guarded.http.get("/api/v1/keys", headers={"authorization": f"{scheme} {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("name", ["key", "api_key", "access_token", "token", "authorization"])
def test_an_address_holds_no_credential(guarded: Gateway, provider: Upstream, name: str) -> None:
    seen = len(provider.requests)
    assert post(guarded, [], f"{CHAT}?{name}={KEY}") == 401
    assert guarded.http.get("/api/v1/keys", params={name: TOKEN}).status_code == 401
    assert len(provider.requests) == seen


def test_a_key_in_the_address_goes_no_further(guarded: Gateway, provider: Upstream) -> None:
    """Gemini's clients may put theirs there."""
    foreign = made_up("in-the-address")
    query = f"?alt=sse&key={foreign}&%6bey={foreign}&keys=1"
    answer = guarded.http.post(CHAT + query, content=chat("own/m"), headers={"x-api-key": KEY})
    assert answer.status_code == 200
    assert provider.requests[-1].target.endswith("?alt=sse&keys=1")
    guarded.row(answer.headers["x-gateway-request-id"])
    said = {"stdout": guarded.stdout_path.read_bytes(), "stderr": guarded.stderr_path.read_bytes()}
    assert not find({"key in the address": foreign}, written(guarded.data) | said)


def test_one_secret_for_both_halves_is_refused(folder: Path, door: Door) -> None:
    environ = {"GATEWAY_KEY": KEY, "GATEWAY_ADMIN_TOKEN": KEY}
    gateway = Gateway(folder, door, flags=["--host", "0.0.0.0"], environ=environ)
    try:
        gateway.spawn()
        assert gateway.wait() == 1
        assert "GATEWAY_ADMIN_TOKEN" in gateway.stderr
        assert KEY not in gateway.stderr
    finally:
        gateway.kill()
