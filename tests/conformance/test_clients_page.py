"""docs/clients.md: every block of Python works as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sdk_environment import IS_NEWEST, PROVIDER_KEY

from harness.doors import Door
from harness.gateway import Gateway, clean_environment
from harness.mock import Mock

pytestmark = pytest.mark.sdk

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
NO_FETCHING = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
ELSEWHERE = {"LlamaIndex", "LiteLLM"} if IS_NEWEST else {"LangChain"}


def test_every_block_is_known() -> None:
    assert BLOCKS.keys() == PRINTS.keys()


@pytest.fixture(scope="module")
def url(mock: Mock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    keys = [{"name": "main", "value": PROVIDER_KEY}]
    config = {"providers": {"openai": {"base_url": mock.url, "keys": keys}}}
    with Gateway(tmp_path_factory.mktemp("page"), Door.NATIVE, config=config) as running:
        yield running.url


@pytest.mark.parametrize("title", sorted(PRINTS.keys() - ELSEWHERE))
def test_the_code_runs(title: str, url: str) -> None:
    """In a process of its own, as a reader runs it: what a client leaves behind troubles no other test."""
    code = BLOCKS[title].replace("http://localhost:8080", url)
    environ = clean_environment(os.environ) | {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True"
    }  # no list of prices fetched
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(PRINTS[title], done.stdout.strip(), re.DOTALL), done.stdout
