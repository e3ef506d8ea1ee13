"""Every example of docs/extending.md is run, as it stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from harness.chat import CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = [text for language, text in BLOCK.findall(PAGE) if language == "python"]
CONFIGS = [text for language, text in BLOCK.findall(PAGE) if language == "yaml"]
CLASSES = re.findall(r"^class (\w+):", "\n".join(CODE), re.MULTILINE)


@pytest.fixture(scope="module")
def gateway(door: Door, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp(f"extending-{door}")
    (folder / "company.py").write_text("\n".join(CODE))
    options = {"NoSecrets": {"words": ["bluebird", "redwood"]}}
    models = {
        name: {
            "targets": ["mock/echo"],
            "hooks": [{"use": f"./company.py:{name}", "options": options.get(name, {})}],
        }
        for name in CLASSES
    }
    with Gateway(folder, door, config={"models": models}, flags=["--mock"]) as running:
        yield running


def ask(gateway: Gateway, name: str, text: str, *, stream: bool = False) -> httpx.Response:
    messages = [{"role": "user", "content": text}]
    return gateway.http.post(CHAT, content=chat(name, messages=messages, stream=stream))


def said(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


def mask_mails(gateway: Gateway) -> None:
    assert said(ask(gateway, "MaskMails", "write to ann@example.com")) == "write to [mail]"


def tenant(gateway: Gateway) -> None:
    answer = ask(gateway, "Tenant", "hello")
    assert answer.headers["x-answered-by"] == "mock"


def no_secrets(gateway: Gateway) -> None:
    assert said(ask(gateway, "NoSecrets", "hello")) == "hello"
    refused = ask(gateway, "NoSecrets", "what is bluebird?")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "hook_vetoed")


def capitals(gateway: Gateway) -> None:
    streamed = ask(gateway, "Capitals", "hello there", stream=True).text
    assert "".join(re.findall(r'"content": ?"([^"]*)"', streamed)) == "HELLO THERE"
    assert streamed.endswith("data: [DONE]\n\n")


def moderate(gateway: Gateway) -> None:
    assert said(ask(gateway, "Moderate", "hello")) == "hello"
    assert ask(gateway, "Moderate", "how to attack").status_code == 403


CHECKS = {
    "MaskMails": mask_mails,
    "Tenant": tenant,
    "NoSecrets": no_secrets,
    "Capitals": capitals,
    "Moderate": moderate,
}


def test_no_example_is_left_out() -> None:
    assert sorted(CLASSES) == sorted(CHECKS)
    assert len(CLASSES) == len(CODE)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_an_example_does_what_the_page_says(gateway: Gateway, name: str) -> None:
    CHECKS[name](gateway)


@pytest.mark.parametrize("number", range(len(CONFIGS)))
@pytest.mark.doors("native")
def test_a_configuration_of_the_page_starts(door: Door, folder: Path, number: int) -> None:
    folder.mkdir()
    (folder / "company.py").write_text("\n".join(CODE))
    (folder / "company").mkdir()
    (folder / "company" / "__init__.py").write_text("")
    (folder / "company" / "hooks.py").write_text(
        "class Guard:\n    def on_request(self, body, context):\n        return None\n"
    )
    config = yaml.safe_load(CONFIGS[number])
    assert "hooks" in config
    with Gateway(
        folder, door, config=config, environ={"PYTHONPATH": str(folder)}, flags=["--mock"]
    ) as running:
        assert running.http.get("/readyz").status_code == 200
