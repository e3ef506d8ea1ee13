"""Paths and names that try to lead somewhere else: at the gateway, in its files, and at a provider."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from harness.chat import ANSWER, CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway
from harness.upstream import Upstream, json_answer
from harness.wire import Answer, Wire

KEY, TOKEN = "fgk_of-the-paths-0123456789", "fga_of-the-paths-0123456789"

DOTS = ["..", "%2e%2e", ".%2E", "%252e%252e", "%25252e%25252e", "..;", "..;x=y", "%2e%2e%3b"]
SLASHES = ["/", "%2f", "%2F", "%252f", "\\", "%5c", "%255c"]
CLIMBS = [f"{dots}{slash}" for dots, slash in itertools.product(DOTS, SLASHES)]


@pytest.fixture(scope="module")
def provider() -> Iterator[Upstream]:
    with Upstream(script=json_answer(ANSWER)) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(door: Door, provider: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Credentials are asked for, so that a path which slips past a check is seen by its status."""
    root = provider.url.removesuffix("/v1")
    keys = ["the-providers-own-key-0001"]
    config = {
        "server": {"auth": "required"},
        "providers": {
            "openai": {"base_url": f"{root}/inner/v1", "keys": keys},
            "azure": {"base_url": f"{root}/inner", "keys": keys},
        },
    }
    environ = {"GATEWAY_KEY": KEY, "GATEWAY_ADMIN_TOKEN": TOKEN}
    folder = tmp_path_factory.mktemp(f"paths-{door}")
    with Gateway(folder, door, config=config, environ=environ, admin_token=TOKEN) as gateway:
        yield gateway


def ask(gateway: Gateway, method: str, target: str, *headers: tuple[str, str]) -> Answer:
    """Send a target that no library would let pass."""
    with Wire(gateway.port) as wire:
        wire.head(method, target, headers)
        return wire.answer()


def client(gateway: Gateway, method: str, target: str) -> Answer:
    return ask(gateway, method, target, ("Authorization", f"Bearer {KEY}"))


@pytest.mark.parametrize("prefix", ["/openai/", "/v1/", "/healthz/", "/assets/", "/litellm/", "//", "/./"])
def test_no_detour_leads_to_the_admin_api(guarded: Gateway, prefix: str) -> None:
    """A gateway key does not open it, and nothing that is open leads to it."""
    for climb in CLIMBS:
        for target in (f"{prefix}{climb}api/v1/keys", f"{prefix}{climb}{climb}api/v1/keys"):
            for answer in (ask(guarded, "GET", target), client(guarded, "GET", target)):
                assert answer.status in (400, 401, 404, 501), f"{target}: {answer.status}"
                assert b'"items"' not in answer.body, target


SPELLED = [
    "/api/v1/keys", "/API/v1/keys", "//api/v1/keys", "/api//v1/keys", "/api%2fv1%2fkeys", "/%61pi/v1/keys",
    "/api/v1/keys/", "/api/v1/keys?", "/api/v1/keys#x", "/api/v1/keys;x", "/healthz/../api/v1/keys",
    "/api/v1/./keys", "/api/v1/keys%00", "/metrics", "/metrics/", "/%6detrics", "/openapi.json",
    "/docs", "/docs/",
]  # fmt: skip


@pytest.mark.parametrize("spelled", SPELLED)
def test_no_spelling_of_an_admin_path_is_open(guarded: Gateway, spelled: str) -> None:
    answer = ask(guarded, "GET", spelled)
    assert answer.status in (400, 401, 404), f"{spelled}: {answer.status}"
    assert b"items" not in answer.body
    assert b"ferrogate_" not in answer.body


@pytest.mark.parametrize("folder", ["/assets/", "/", "/docs/"])
def test_only_the_page_s_own_files_are_files(guarded: Gateway, folder: str) -> None:
    names = ["gateway.db", "master.key", "run.json", "gateway.yaml", "__init__.py", "etc/passwd", ".env"]
    climbs = ["", *CLIMBS, *(climb * 8 for climb in CLIMBS)]
    for climb, name in itertools.product(climbs, names):
        for end in ("", "%00", "%00.js", "?.js"):
            answer = ask(guarded, "GET", f"{folder}{climb}{name}{end}")
            assert answer.status in (400, 401, 404), f"{folder}{climb}{name}{end}: {answer.status}"
        assert b"root:" not in answer.body


@pytest.mark.compiled
def test_no_path_leads_out_of_a_provider_s_base_url(guarded: Gateway, provider: Upstream) -> None:
    seen = len(provider.requests)
    for climb in CLIMBS:
        for target in (
            f"/v1/{climb}secrets",
            f"/v1/files/{climb}{climb}secrets",
            f"/openai/v1/files/x{climb}{climb}secrets" if climb[0] in "/\\" else f"/v1/files/{climb}",
            f"/v1/files/{climb.rstrip('/')}",
        ):
            assert client(guarded, "GET", target).status in (400, 404), target
    for target in ("/v1/files/%00", "/v1/files/a%0d%0aX-Injected:%201", "/v1/files/a%0ab", "/v1/files/%7f"):
        assert client(guarded, "GET", target).status in (400, 404), target
    assert provider.requests[seen:] == []


@pytest.mark.compiled
def test_what_only_looks_like_a_detour_passes_as_it_came(guarded: Gateway, provider: Upstream) -> None:
    for rest in ("files/a..b", "files/...", "files/a%2Fb", "files//x", "files/caf%C3%A9", "files/100%25"):
        assert client(guarded, "GET", f"/v1/{rest}?after=..%2f..").status == 200, rest
        request = provider.requests[-1]
        assert request.target == f"/inner/v1/{rest}?after=..%2f.."
        assert request.header("x-injected") is None


EVIL_NAMES = [
    "..",
    ".",
    "../../x",
    "a/../../x",
    "..\\x",
    "%2e%2e",
    "..%2f..%2fx",
    "%252e%252e/x",
    "..;/x",
    "a\x00b",
    "a\r\nX-Injected: 1\r\n\r\nGET /x HTTP/1.1",
    "a\nb",
    "\x7f",
    "\x1b[2J",
]
ODD_NAMES = [
    "a?b=c",
    "a#b",
    "a b",
    "a/b",
    "a%20b",
    "a&b=c",
    "a;b",
    "{path}",
    "{model}",
    "a:b@c",
    "é",
    "\U0001f600",
    "a..b",
    "\u202egpt",
]


def deployment(guarded: Gateway, model: str) -> int:
    headers = {"authorization": f"Bearer {KEY}"}
    return guarded.http.post(CHAT, content=chat(f"azure/{model}"), headers=headers).status_code


@pytest.mark.parametrize("name", EVIL_NAMES, ids=repr)
def test_a_model_in_the_path_does_not_lead_out_of_it(guarded: Gateway, provider: Upstream, name: str) -> None:
    seen = len(provider.requests)
    assert deployment(guarded, name) == 400
    assert provider.requests[seen:] == []


@pytest.mark.parametrize("name", ODD_NAMES, ids=repr)
def test_a_model_in_the_path_is_one_segment(guarded: Gateway, provider: Upstream, name: str) -> None:
    assert deployment(guarded, name) == 200
    request = provider.requests[-1]
    path, _, query = request.target.partition("?")
    assert path == f"/inner/openai/deployments/{quote(name, safe='')}/chat/completions"
    assert query.startswith("api-version=")
    assert [key for key, _ in request.headers if key.startswith(("x-inj", "b"))] == []


@pytest.mark.parametrize("name", EVIL_NAMES + ODD_NAMES, ids=repr)
def test_a_model_in_the_body_stays_there(guarded: Gateway, provider: Upstream, name: str) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    answer = guarded.http.post(CHAT, content=chat(f"openai/{name}"), headers=headers)
    assert answer.status_code == 200
    assert provider.requests[-1].target == "/inner/v1/chat/completions"
    assert provider.requests[-1].header("x-injected") is None


PINS = ["../openai", "openai?x", "openai#x", "openai azure", "OPENAI", "%6fpenai", "openai%2f.."]


@pytest.mark.parametrize("header", ["x-gateway-provider", "x-gateway-key"])
def test_a_pin_names_what_is_there_or_nothing(guarded: Gateway, provider: Upstream, header: str) -> None:
    seen = len(provider.requests)
    for pin in PINS:
        with Wire(guarded.port) as wire:
            credential = ("Authorization", f"Bearer {KEY}")
            wire.post(CHAT, chat("openai/m"), [credential, (header, pin)])
            assert wire.answer().status in (400, 404), pin
    assert provider.requests[seen:] == []


@pytest.mark.parametrize(
    "name",
    ["../x", "a/b", "a b", "a\r\nX: 1", "", ".hidden", "UPPER", "a" * 64, "é", "a?b", "a%2fb", "\x1b[2Jx"],
    ids=repr,
)
def test_a_provider_cannot_be_called_that(guarded: Gateway, name: str) -> None:
    body = {"name": name, "kind": "openai-compatible", "base_url": "http://127.0.0.1:9/v1"}
    answer = guarded.admin.post("/api/v1/providers", json=body)
    assert answer.status_code == 422
    assert name not in [item["name"] for item in guarded.call("GET", "providers")["items"]]


@pytest.mark.parametrize(
    "name",
    ["../x", "a/b", "a\r\nX: 1", "", " a", "a" * 65, "é", "a?b", "a\x00", "\x1b[2Jx", "a\tb"],
    ids=repr,
)
def test_a_key_cannot_be_called_that(guarded: Gateway, name: str) -> None:
    if name:
        body = {"provider": "openai", "name": name, "value": "sk-some-value-0123456789"}
        assert guarded.admin.post("/api/v1/keys", json=body).status_code == 422
    assert guarded.admin.post("/api/v1/gateway-keys", json={"name": name}).status_code == 422
    made = guarded.admin.post("/api/v1/gateway-keys", json={"name": "good", "tenant": name})
    assert made.status_code == 422
