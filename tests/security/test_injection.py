"""What others say is shown and never obeyed: in response headers, metrics, log lines, terminals and pages."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.chat import ANSWER, CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway, clean_environment, until
from harness.upstream import Upstream, json_answer, status
from harness.wire import Wire

EVIL = [
    "a\r\nX-Injected: 1",
    "a\r\n\r\n<script>alert(1)</script>",
    "a\nb",
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b2J",
    "\u202egpt",
    "\u2028line",
    "a\x00b",
    'a",provider="x"} 1\nferrogate_requests_total{x="',
    "a\\",
    "[red]a[/red]",
    "<img src=x onerror=alert(1)>",
    "{{7*7}}",
    "\U0001f600" * 50,
]
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR) ")
SAMPLE = re.compile(r'[a-z_]+(\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)*\})? [0-9.e+-]+(Inf)?')


@pytest.fixture(scope="module")
def provider() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(scope="module")
def noisy(door: Door, provider: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that has heard every evil text in every place that takes one."""
    settings = {"kind": "openai-compatible", "base_url": provider.url, "keys": ["a-key-of-this-provider-01"]}
    config = {"providers": {"own": settings}, "models": {text: ["own/m"] for text in EVIL if text.isascii()}}
    with Gateway(tmp_path_factory.mktemp(f"noisy-{door}"), door, config=config) as gateway:
        for number, text in enumerate(EVIL):
            words = {"finish_reason": text, "index": 0, "message": {"role": "assistant", "content": text}}
            provider.script = json_answer(json.dumps({"choices": [words], "model": text}).encode())
            gateway.call(
                "POST", "keys", provider="own", name=f"k{number}", value="v" * 20, models=[text, "*"]
            )
            for model in (text, f"own/{text}", f"nobody/{text}"):
                gateway.http.post(CHAT, content=chat(model), headers={"x-gateway-tags": f"a=b{number}"})
        yield gateway


def test_a_model_s_name_adds_no_header(noisy: Gateway, provider: Upstream) -> None:
    provider.script = json_answer(ANSWER)
    for text in EVIL:
        for model in (f"own/{text}", f"nobody/{text}", text):
            with Wire(noisy.port) as wire:
                wire.post(CHAT, chat(model))
                answer = wire.answer()
            names = [name for name, _ in answer.headers]
            assert len(set(names)) == len(names), names
            assert "x-injected" not in names
            assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names), names
            shown = answer.header("x-gateway-model") or ""
            assert not re.search("[\x00-\x1f\x7f]", shown), shown
            json.loads(answer.body)


def test_request_headers_reach_no_response_header(noisy: Gateway, provider: Upstream) -> None:
    provider.script = json_answer(ANSWER)
    said = "said-by-the-client"
    for name in ("x-request-id", "x-gateway-tags", "x-gateway-request-id", "x-gateway-cache", "x-gateway-x"):
        value = f"{said}=1" if name.endswith("tags") else said
        answer = noisy.http.post(CHAT, content=chat("own/m"), headers={name: value})
        assert said not in str(answer.headers)


@pytest.mark.parametrize("value", ["a\x00b", "a\x1b[2J", "caf\xe9", "a" * 513, "\x7f"], ids=repr)
@pytest.mark.parametrize("name", ["x-request-id", "x-gateway-tags", "x-gateway-key", "x-gateway-provider"])
def test_headers_that_are_logged_are_printable(noisy: Gateway, name: str, value: str) -> None:
    with Wire(noisy.port) as wire:
        wire.post(CHAT, chat("own/m"), [(name, value)])
        assert wire.answer().status == 400


def test_metrics_hold_one_sample_a_line(noisy: Gateway) -> None:
    text = noisy.admin.get("/metrics").text
    for line in text.splitlines():
        assert line.startswith("#") or SAMPLE.fullmatch(line), line
    assert "alert(1)" not in text
    labels = set(re.findall(r'provider="([^"]*)"', text))
    assert labels <= {*(item["name"] for item in noisy.call("GET", "providers")["items"]), "none"}


def command(gateway: Gateway, *arguments: str) -> str:
    environ = clean_environment(os.environ) | {"COLUMNS": "500", "TERM": "dumb"}
    done = subprocess.run(
        [sys.executable, "-m", "ferrogate", *arguments],
        capture_output=True,
        cwd=gateway.folder,
        env=environ,
        timeout=60,
        check=True,
    )
    return (done.stdout + done.stderr).decode()


@pytest.mark.doors("native")
@pytest.mark.parametrize(
    "arguments",
    [
        ("logs", "--limit", "500"),
        ("logs", "--limit", "500", "--json"),
        ("keys", "list"),
        ("keys", "list", "--json"),
        ("config", "show"),
        ("config", "show", "--json"),
    ],
    ids=" ".join,
)
def test_a_terminal_is_told_nothing(noisy: Gateway, arguments: tuple[str, ...]) -> None:
    asked = noisy.http.post(CHAT, content=chat("own/\x1b[2J-last"))
    noisy.row(asked.headers["x-gateway-request-id"])
    data = [] if arguments[0] == "config" else ["--data", str(noisy.data)]
    said = command(noisy, *arguments, *data)
    assert "2J" in said, "what was there is shown"
    assert not (found := OBEYED.search(said)), f"{found} in {said!r}"
    if "--json" in arguments:
        texts = json.dumps(
            [json.loads(line) for line in said.splitlines()] if arguments[0] == "logs" else json.loads(said)
        )
        assert json.dumps("\x1b[2J")[1:-1] in texts, "a program reads what was said"
    elif arguments[0] != "config":
        assert "\\x1b[2J" in said
        assert "[red]a[/red]" in said, "and no markup"


def mistakes() -> list[str]:
    return [
        'providers: {"p\\e[2Jq\\n2026-01-01 00:00:00,000 INFO forged": {keys: [a]}}\n',
        'models: {a: {targets: ["own/\\e]0;x\\a", "nobody\\r\\nforged/x"]}}\n',
        'server: {"\\x9b2J\\u202e": 1}\n',
        'log: {level: "\\e[2J\\n2026-01-01 00:00:00,000 ERROR forged"}\n',
    ]


def test_a_log_line_is_one_record(folder: Path, door: Door) -> None:
    with Gateway(folder, door, config={}) as gateway:
        for text in mistakes():
            before = len(gateway.stderr)
            gateway.write_config(text)
            gateway.signal(signal.SIGHUP)
            until(lambda before=before: len(gateway.stderr) > before, "a word about the mistake")
        for body in (b"\x1b[2J", b'{"provider": "\x1b[2J\\nforged"}', b"\xff\xfe"):
            gateway.admin.post("/api/v1/keys", content=body)
        with Wire(gateway.port) as wire:
            wire.write(b"GET /\x1b[2J\r\n\r\n")
            assert wire.at_end() or wire.answer().status >= 400
    for said in (gateway.stderr, gateway.stdout):
        assert not (found := OBEYED.search(said)), f"{found} in {said!r}"
    for line in gateway.stderr.splitlines():
        assert RECORD.match(line) or line.startswith("    "), line
    forged = [line for line in gateway.stderr.splitlines() if line.startswith("2026-01-01 00:00")]
    assert forged == []


PAGE = b"<!doctype html><script>fetch('/api/v1/keys')</script>"


@pytest.mark.compiled
@pytest.mark.parametrize(
    "content_type", ["text/html", "image/svg+xml", "application/xhtml+xml", "", "text/plain"]
)
def test_a_provider_s_page_does_not_run_beside_the_dashboard(
    noisy: Gateway, provider: Upstream, content_type: str
) -> None:
    for code in (200, 404):
        provider.script = status(code, PAGE, [("Content-Type", content_type)])
        answer = noisy.http.get("/v1/files/f-1/content", headers={"x-gateway-provider": "own"})
        assert (answer.status_code, answer.content) == (code, PAGE)
        assert answer.headers["content-security-policy"].startswith("sandbox;")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_provider_speaks_for_its_own_origin_only(noisy: Gateway, provider: Upstream) -> None:
    told = {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Credentials": "true",
        "Alt-Svc": 'h3=":443"',
        "Clear-Site-Data": '"*"',
        "NEL": "{}",
        "Report-To": "{}",
        "Reporting-Endpoints": 'a="https://x"',
        "Service-Worker-Allowed": "/",
        "Set-Cookie": "a=b",
        "Strict-Transport-Security": "max-age=1",
    }
    for script in (json_answer(ANSWER, list(told.items())), status(400, b"{}", list(told.items()))):
        provider.script = script
        answer = noisy.http.post(CHAT, content=chat("own/m"))
        assert [name for name in told if name.lower() in answer.headers] == []


def test_the_pages_carry_a_policy(noisy: Gateway) -> None:
    for path in ("/", "/docs"):
        headers = noisy.admin.get(path).headers
        policy = dict(
            part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
    for path in ("/api/v1/keys", "/nothing", "/openapi.json", "/metrics"):
        headers = noisy.admin.get(path).headers
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def scripts() -> list[Path]:
    import ferrogate

    folder = Path(ferrogate.__file__).parent / "dashboard"
    return [path for path in sorted(folder.rglob("*")) if path.suffix in (".js", ".html")]


@pytest.mark.parametrize("path", scripts(), ids=lambda path: path.name)
def test_the_pages_write_text_and_no_markup(path: Path) -> None:
    """The policy forbids inline scripts; this keeps data from becoming elements too."""
    text = path.read_text()
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser|setHTML"
    assert not re.search(markup + r"|\beval\(|new Function", text)
    if path.suffix == ".html":
        assert not re.search(r"<script(?![^>]*\bsrc=)|\bon[a-z]+=|javascript:|<style|\bstyle=", text)
        assert not re.search(r"(src|href)=\"(https?:)?//", text)


def test_every_answer_of_the_admin_api_is_data(noisy: Gateway) -> None:
    """Names that hold markup come back as JSON that no browser takes for a page."""
    for path in ("models", "keys", "logs?limit=500", "config", "lanes"):
        answer = noisy.admin.get(f"/api/v1/{path}")
        assert answer.headers["content-type"] == "application/json"
        items: Any = answer.json()
        assert items
    answer = noisy.admin.get("/<script>alert(1)</script>")
    assert answer.headers["content-type"] == "application/problem+json"
