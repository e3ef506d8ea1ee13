"""docs/clients.md: every block of Python works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sdk_environment import IS_NEWEST

from harness.gateway import Gateway

pytestmark = [
    pytest.mark.sdk,
    # LiteLLM builds pydantic models on the openai package's TypedDicts while it reads a stream.
    pytest.mark.filterwarnings(
        "ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"
    ),
]

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text()
BLOCKS = {
    title: block
    for title, chapter in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    for block in re.findall(r"^```python\n(.*?)^```", chapter, re.MULTILINE | re.DOTALL)
}
GREETING = "Lorem ipsum dolor"
PRINTS = {
    "OpenAI for Python": rf"{GREETING}.*{GREETING}",
    "OpenAI for Python, asynchronous": r"^2$",
    "LangChain": rf"{GREETING}.*{GREETING}",
    "LlamaIndex": rf"{GREETING}.*{GREETING}",
    "LiteLLM": rf"{GREETING}.*{GREETING}",
    "What the gateway adds": rf"^[0-9A-Z]{{26}} 1\n{GREETING}",
}
ELSEWHERE = {"LlamaIndex", "LiteLLM"} if IS_NEWEST else {"LangChain"}


def test_every_block_is_known() -> None:
    assert BLOCKS.keys() == PRINTS.keys()


@pytest.mark.parametrize("title", sorted(PRINTS.keys() - ELSEWHERE))
def test_the_code_runs(
    title: str, gateway: Gateway, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "LITELLM_LOCAL_MODEL_COST_MAP", "True"
    )  # its import fetches a list of prices otherwise
    code = BLOCKS[title].replace("http://localhost:8080", gateway.url)
    exec(compile(code, title, "exec"), {"__name__": "__main__"})
    assert re.search(PRINTS[title], capsys.readouterr().out.strip(), re.DOTALL)
