"""No secret is anywhere in what the gateway writes or says, whatever happened.

Every way in gets distinctive secrets wherever one can be put, goes through answers, streams, cuts, failures
of every layer, bad configuration and every command; then all output and every byte of the data folder is
searched.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from harness.chat import ANSWER, CHAT, DONE, FINISH, chat, delta
from harness.doors import Door
from harness.gateway import Gateway, clean_environment, until
from harness.leaks import find, made_up, written
from harness.upstream import Exchange, Upstream, json_answer, raw, sse, status
from harness.wire import Wire

OUR_OWN = ("gateway key", "fresh gateway key", "admin token")
"""Their hashes are kept, and by them they are recognised; a hash of any other secret has no reason to be."""

READ = (
    "keys", "providers", "gateway-keys", "models", "lanes", "logs", "stats", "config", "status", "nothing",
)  # fmt: skip


@dataclass
class Scene:
    """A gateway full of secrets, and everything that was said so far."""

    gateway: Gateway
    upstream: Upstream
    secrets: dict[str, str]
    said: dict[str, bytes] = field(default_factory=dict)

    @property
    def has_commands(self) -> bool:
        """Commands speak to the admin API alone, so one way in says all about them."""
        return self.gateway.door is Door.NATIVE

    def hear(self, what: str, content: bytes | str) -> None:
        self.said[f"{len(self.said)}: {what}"] = content.encode() if isinstance(content, str) else content

    def credentials(self) -> list[dict[str, str]]:
        """Headers that a client may send: its own secrets wherever SDKs put one."""
        own = self.secrets["client bearer"]
        wrong = {"authorization": f"Bearer {own}", "cookie": f"session={own}", "proxy-authorization": own}
        others = {
            "x-api-key": self.secrets["client x-api-key"],
            "x-goog-api-key": own,
            "x-gateway-key": own,
            "x-gateway-authorization": own,
        }
        opens = {"authorization": f"Bearer {self.secrets['gateway key']}"}
        return [opens, wrong, others, opens | {"x-api-key": self.secrets["client x-api-key"]}]

    def ask(self, model: str, *, stream: bool = False, query: str = "") -> None:
        """Send a chat request with each of the credentials, over a wire that sees everything."""
        for headers in self.credentials():
            with Wire(self.gateway.port) as wire:
                wire.post(CHAT + query, chat(model, stream=stream), list(headers.items()))
                answer = wire.answer()
                self.hear(f"{model} {answer.status}", repr(answer).encode() + answer.body)

    def command(self, *arguments: str, given: str = "") -> str:
        """Run a command of the gateway on this data folder."""
        environ = clean_environment(os.environ) | {"GATEWAY_MASTER_KEY": self.secrets["master key"]}
        environ |= {"YAML_KEY": self.secrets["key of the environment"], "COLUMNS": "400"}
        done = subprocess.run(
            [sys.executable, "-m", "ferrogate", *arguments],
            input=given.encode(),
            capture_output=True,
            cwd=self.gateway.folder,
            env=environ,
            timeout=60,
        )
        self.hear(" ".join(arguments[:2]), done.stdout + done.stderr)
        return done.stdout.decode()


def configuration(upstream: Upstream, secrets: Mapping[str, str]) -> dict[str, Any]:
    """Keys by every kind of reference, and providers that fail in every layer."""
    keys = [
        {"name": "literal", "value": secrets["key of the file"]},
        {"name": "variable", "value": "env.YAML_KEY", "weight": 0.5},
        {"name": "mounted", "value": "file:mounted-key", "weight": 0.5},
    ]
    failing = {"keys": [{"name": "main", "value": secrets["key of the file"]}]}
    plain = {"kind": "openai-compatible", "base_url": upstream.url}
    return {
        "log": {"level": "debug"},
        "providers": {
            "scripted": plain
            | {
                "keys": keys,
                "headers": {"x-secret-token": secrets["provider header"], "authorization-2": "x"},
                "query": {"signature": secrets["provider query"]},
            },
            "refused": failing | {"kind": "openai-compatible", "base_url": "http://127.0.0.1:9/v1"},
            "not-tls": failing | plain | {"base_url": upstream.url.replace("http:", "https:")},
            "no-dns": failing | plain | {"base_url": "http://no-such-host.invalid/v1"},
            "azure": failing | {"base_url": upstream.url.removesuffix("/v1")},
        },
        "models": {"both": {"targets": ["refused/m", "scripted/m"]}},
    }


@pytest.fixture(params=["required", "off"])
def scene(door: Door, folder: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    secrets = {
        name: made_up(name.replace(" ", "-"))
        for name in (
            "key of the file",
            "key of the environment",
            "key of a mounted file",
            "key of OPENAI_API_KEY",
            "key by REST",
            "changed key by REST",
            "key by command",
            "provider header",
            "provider query",
            "provider header by REST",
            "client bearer",
            "client x-api-key",
            "client query",
            "user of a URL",
            "password of a URL",
            "refused key",
            *OUR_OWN[:1],
            OUR_OWN[2],
        )
    }
    secrets["master key"] = base64.b64encode(os.urandom(32)).decode()
    folder.mkdir(parents=True)
    (folder / "mounted-key").write_text(secrets["key of a mounted file"])
    environ = {
        "YAML_KEY": secrets["key of the environment"],
        "OPENAI_API_KEY": secrets["key of OPENAI_API_KEY"],
        "GATEWAY_MASTER_KEY": secrets["master key"],
        "GATEWAY_KEY": secrets["gateway key"],
        "GATEWAY_ADMIN_TOKEN": secrets["admin token"],
        "GATEWAY_AUTH": request.param,
    }
    with Upstream() as upstream:
        gateway = Gateway(
            folder,
            door,
            config=configuration(upstream, secrets),
            environ=environ,
            admin_token=secrets["admin token"],
        )
        with gateway:
            yield Scene(gateway, upstream, secrets)


def echo(code: int) -> Any:
    """Say back every header that came, as a debugging provider does, and the key as OpenAI does."""

    def script(exchange: Exchange) -> None:
        key = exchange.request.header("authorization") or exchange.request.header("api-key") or ""
        key = key.removeprefix("Bearer ")
        message = f"Incorrect API key provided: {key}. You sent it to {exchange.request.target}."
        body = {"error": {"message": message, "received": [key, exchange.request.headers]}}
        status(code, json.dumps(body).encode(), [("x-echo", f"key={key}")])(exchange)

    return script


def go_through_providers(scene: Scene) -> None:
    """Every way in which a request can end."""
    scripted = scene.upstream
    for stream, script in (
        (False, json_answer(ANSWER)),
        (True, sse(delta("a"), FINISH, DONE)),
        (True, sse(delta("a"), end=False)),
        (True, raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {", close=True)),
        (False, raw(b"garbage\r\n\r\n", close=True)),
        (False, raw(b"", close=True)),
        (False, status(500, b"<html>no</html>")),
        (False, status(429, b"{}", [("retry-after", "0")])),
        (False, status(302, b"", [("location", "http://127.0.0.1:9/")])),
        (False, json_answer(b'{"broken":')),
    ):
        scripted.script = script
        scene.ask("scripted/m", stream=stream)
    scripted.script = json_answer(ANSWER)
    scene.ask("scripted/m", query=f"?key={quote(scene.secrets['client query'])}&x=1")
    for model in ("refused/m", "not-tls/m", "no-dns/m", "azure/deployment", "both", "nobody/m", ""):
        scene.ask(model)
    for path in ("/v1/models", "/v1/files/f-1", "/openai/nothing", "/nothing", "/api/v1/keys", "/docs"):
        query = f"?key={quote(scene.secrets['client query'])}&api_key={quote(scene.secrets['client query'])}"
        for headers in scene.credentials():
            scene.hear(path, repr_of(scene.gateway.http.get(path + query, headers=headers)))


def repr_of(answer: Any) -> bytes:
    return repr(list(answer.headers.multi_items())).encode() + answer.content


def go_through_the_admin_api(scene: Scene) -> None:
    """Make, change, test and remove; make mistakes with secrets in the wrong places."""
    gateway, secrets = scene.gateway, scene.secrets

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = gateway.admin.request(method, f"/api/v1/{path}", json=body)
        scene.hear(f"{method} {path} {answer.status_code}", repr_of(answer))
        return answer.json() if answer.content else None

    scene.upstream.script = echo(401)
    made = call("POST", "keys", {"provider": "scripted", "name": "rest", "value": secrets["key by REST"]})
    for change in ({"weight": 0.1}, {"value": secrets["changed key by REST"]}):
        call("PATCH", f"keys/{made['id']}", change)
    call("POST", f"keys/{made['id']}/test")
    for value in (secrets["refused key"] + "\n", secrets["refused key"] + "é", 5):
        call("POST", "keys", {"provider": "scripted", "name": "bad", "value": value})
    call("POST", "keys", {"provider": "scripted", "valeu": secrets["refused key"]})
    call("POST", "keys", [secrets["refused key"]])
    broken = f'{{"provider": "scripted", "value": "{secrets["refused key"]}"'
    scene.hear("broken JSON", gateway.admin.post("/api/v1/keys", content=broken).content)
    user, password = (quote(secrets[name], safe="") for name in ("user of a URL", "password of a URL"))
    for url in (
        f"http://{user}:{password}@127.0.0.1:9/v1",
        f"http://{user}@[::1/v1",
        f"ftp://{user}:{password}@x/",
        f"https://x/v1?key={password}",
    ):
        call("POST", "providers", {"name": "withuser", "kind": "openai-compatible", "base_url": url})
    headers = {"x-auth": secrets["provider header by REST"]}
    call("POST", "providers", {"name": "headed", "kind": "openai", "headers": headers})
    fresh = call("POST", "gateway-keys", {"name": "fresh"})
    secrets["fresh gateway key"] = fresh["secret"]
    scene.said.popitem()  # where it is shown once, by design
    for path in READ:
        call("GET", path)
    for path in ("/metrics", "/openapi.json", "/", "/docs", "/healthz", "/readyz"):
        scene.hear(path, repr_of(gateway.admin.get(path)))


def go_through_echoes(scene: Scene) -> None:
    """A provider that says the key back, in a refusal and in a failure."""
    for code in (400, 401, 403, 404, 429, 500):
        scene.upstream.script = echo(code)
        scene.ask("scripted/m")
        scene.ask("azure/deployment")


def go_through_configuration(scene: Scene) -> None:
    """Reload a file that is wrong in places that hold secrets, then the right one."""
    gateway, secrets = scene.gateway, scene.secrets
    good = gateway.config_path.read_text()
    user = quote(secrets["user of a URL"], safe="")
    mistakes = (
        f"providers: {{openai: {{keys: [{{nmae: main, value: '{secrets['refused key']}'}}]}}}}\n",
        f"providers: {{openai: {{keys: ['{secrets['refused key']}\u00e9']}}}}\n",
        f"providers: {{x: {{kind: openai, base_url: 'http://{user}:p@host/v1'}}}}\n",
        f"providers: {{openai: {{keys: [{{name: main, value: ['{secrets['refused key']}']}}]}}}}\n",
        f"providers: {{openai: {{keys: '{secrets['refused key']}'}}}}\n",
        f"providers: {{openai: {{headers: {{x-auth: {{a: '{secrets['refused key']}'}}}}}}}}\n",
        f"providers: {{openai: {{keys: [{{name: main, value: '{secrets['refused key']}\n",
        f"providers:\n\topenai: {secrets['refused key']}\n",
    )
    for number, text in enumerate(mistakes):
        before = len(gateway.stderr)
        gateway.write_config(text)
        gateway.signal(signal.SIGHUP)
        until(lambda before=before: len(gateway.stderr) > before, f"a word about mistake {number}")
        if scene.has_commands:
            scene.command("config", "check", "--config", str(gateway.config_path))
    gateway.write_config(good)
    gateway.signal(signal.SIGHUP)


def go_through_commands(scene: Scene) -> None:
    data = ["--data", str(scene.gateway.data)]
    by_command = scene.secrets["key by command"]
    scene.command("keys", "add", "scripted", "--name", "typed", *data, given=by_command + "\n")
    scene.command("keys", "add", "scripted", "--name", "typed", "--value", by_command, *data)
    scene.command("keys", "test", "scripted/typed", *data)
    for arguments in (
        ["keys", "list"], ["keys", "list", "--json"], ["gateway-keys", "list"],
        ["gateway-keys", "list", "--json"], ["logs"], ["logs", "--json"], ["config", "show"],
        ["config", "show", "--all", "--json"],
    ):  # fmt: skip
        scene.command(*arguments, *data)
    scene.command("config", "check")
    scene.command("version")
    scene.command("keys", "remove", "scripted/typed", *data)


def read_the_log(scene: Scene) -> None:
    """Every row as the API shows it, with whatever hangs below one."""
    gateway = scene.gateway
    items = gateway.admin.get("/api/v1/logs", params={"limit": "500"}).json()["items"]
    assert len(items) > 50
    below = [
        path.partition("{request_id}")[2]
        for path in gateway.admin.get("/openapi.json").json()["paths"]
        if path.startswith("/api/v1/logs/{request_id}")
    ]
    for item in items:
        for suffix in below:
            answer = gateway.admin.get(f"/api/v1/logs/{item['request_id']}{suffix}")
            scene.hear(f"log {item['request_id']}{suffix}", answer.content)


def test_no_secret_is_written_or_said(scene: Scene) -> None:
    gateway, secrets = scene.gateway, scene.secrets
    go_through_the_admin_api(scene)
    go_through_providers(scene)
    go_through_echoes(scene)
    go_through_configuration(scene)
    if scene.has_commands:
        go_through_commands(scene)
    asked = gateway.http.post(CHAT, content=chat("refused/m"), headers=scene.credentials()[0])
    gateway.row(asked.headers["x-gateway-request-id"])
    read_the_log(scene)
    while_it_runs = written(gateway.data)
    gateway.stop()
    places = {f"running: {path}": content for path, content in while_it_runs.items()}
    places |= written(gateway.data) | scene.said
    places |= {"stdout": gateway.stdout_path.read_bytes(), "stderr": gateway.stderr_path.read_bytes()}
    assert any("gateway.db-wal" in path or "db-wal" in path for path in places), sorted(while_it_runs)
    foreign = {name: secret for name, secret in secrets.items() if name not in OUR_OWN}
    ours = {name: secrets[name] for name in OUR_OWN}
    leaks = find(foreign, places) + find(ours, places, without=("SHA-256", "start of its SHA-256"))
    assert not leaks, "\n".join(sorted({str(leak) for leak in leaks}))
