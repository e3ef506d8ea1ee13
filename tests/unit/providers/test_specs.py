import ast
import dataclasses
import inspect
import re
import statistics
import string
from pathlib import Path
from typing import get_args

import pytest

from ferrogate import providers
from ferrogate.config.base import written_name
from ferrogate.config.models import ProviderSection, check_provider_name
from ferrogate.config.urls import base_url
from ferrogate.providers import anthropic, azure
from ferrogate.providers.base import Operation, Quirks
from ferrogate.providers.builtin import BUILTIN

KEYLESS = {
    "vllm", "ollama", "mock", "openai-compatible", "sglang", "lmstudio", "llamacpp", "litellm-proxy",
    "ovhcloud",
}  # fmt: skip
COMMON = {written_name(ProviderSection, name) for name in ProviderSection.model_fields}


@pytest.mark.parametrize("spec", BUILTIN, ids=lambda spec: spec.name)
def test_a_spec_is_whole(spec):
    check_provider_name(spec.name)
    if spec.base_url is not None:
        assert base_url(spec.base_url) == spec.base_url
    assert set(spec.base_url_options) <= {option.name for option in spec.options}
    assert "*" in spec.templates
    for operation, template in spec.templates.items():
        assert operation == "*" or operation in get_args(Operation)
        assert template.startswith("/")
        fields = {field for _, field, _, _ in string.Formatter().parse(template) if field}
        assert "path" in fields
        assert fields <= {"path", "model"}
    assert spec.auth.header == spec.auth.header.lower()
    assert all(prefix == prefix.lower() and prefix.endswith("-") for prefix in spec.forward_headers)
    assert not {option.name for option in spec.options} & COMMON
    assert all(option.default in option.choices for option in spec.options if option.choices)
    assert spec.docs


@pytest.mark.parametrize(
    ("name", "url", "variable"),
    [
        ("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        ("anthropic", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
        ("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
        ("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
        ("deepseek", "https://api.deepseek.com", "DEEPSEEK_API_KEY"),
        ("together", "https://api.together.ai/v1", "TOGETHER_API_KEY"),
        ("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
        ("vllm", "http://127.0.0.1:8000/v1", "VLLM_API_KEY"),
        ("ollama", "http://127.0.0.1:11434/v1", None),
        ("mock", "http://127.0.0.1:8081/v1", None),
        ("azure", None, "AZURE_OPENAI_API_KEY"),
        ("openai-compatible", None, None),
    ],
)
def test_where_a_provider_is_and_what_holds_its_key(name, url, variable):
    spec = next(spec for spec in BUILTIN if spec.name == name)
    assert spec.base_url == url
    assert (spec.env_keys[0] if spec.env_keys else None) == variable
    assert spec.keyless is (name in KEYLESS)


def test_who_answers_without_a_key():
    assert {spec.name for spec in BUILTIN if spec.keyless} == KEYLESS


def test_no_variable_holds_the_keys_of_two_providers():
    variables = [variable for spec in BUILTIN for variable in (*spec.env_keys, *spec.env_base_url)]
    assert len(variables) == len(set(variables))


def test_a_credential_that_opens_more_than_models_is_not_taken_by_itself():
    variables = {variable for spec in BUILTIN for variable in spec.env_keys}
    assert not variables & {"GITHUB_TOKEN", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY", "SCW_SECRET_KEY"}


def test_families_of_headers_reach_only_their_providers():
    families = {spec.name: spec.forward_headers for spec in BUILTIN if spec.forward_headers}
    assert families == {
        "openai": ("openai-",), "azure": ("openai-",), "anthropic": ("anthropic-",), "mock": ("x-mock-",),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "base"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com/v1"),
        ("https://api.anthropic.com/v1", "https://api.anthropic.com/v1"),
        ("https://proxy.example.com/anthropic", "https://proxy.example.com/anthropic/v1"),
        ("https://proxy.example.com/anthropic/v1", "https://proxy.example.com/anthropic/v1"),
    ],
)
def test_anthropic_takes_its_base_url_with_and_without_its_version(written, base):
    spec = anthropic.SPEC.configure(dataclasses.replace(anthropic.SPEC, base_url=written), {})
    assert spec.base_url == base
    assert (spec.auth.header, spec.auth.prefix) == ("x-api-key", "")
    assert spec.headers == {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize(
    ("url", "options", "resource", "chat", "files", "query"),
    [
        (
            "https://r.openai.azure.com", {"api": "auto", "api_version": "2024-10-21"},
            "https://r.openai.azure.com", "/openai/deployments/{model}/{path}", "/openai/{path}",
            "api-version=2024-10-21",
        ),
        (
            "https://r.openai.azure.com/openai", {"api": "deployments", "api_version": "2025-01-01-preview"},
            "https://r.openai.azure.com", "/openai/deployments/{model}/{path}", "/openai/{path}",
            "api-version=2025-01-01-preview",
        ),
        (
            "https://r.openai.azure.com", {"api": "v1", "api_version": "2024-10-21"},
            "https://r.openai.azure.com", None, "/openai/v1/{path}", "",
        ),
        (
            "https://r.openai.azure.com/openai/v1", {"api": "auto", "api_version": "2024-10-21"},
            "https://r.openai.azure.com", None, "/openai/v1/{path}", "",
        ),
        (
            "https://r.openai.azure.com/openai/v1", {"api": "deployments", "api_version": "a&b"},
            "https://r.openai.azure.com", "/openai/deployments/{model}/{path}", "/openai/{path}",
            "api-version=a%26b",
        ),
    ],
)  # fmt: skip
def test_azure_has_two_forms_of_url(url, options, resource, chat, files, query):
    spec = azure.SPEC.configure(dataclasses.replace(azure.SPEC, base_url=url), options)
    assert spec.base_url == resource
    assert spec.templates.get("chat.completions") == chat
    assert spec.templates["*"] == files
    assert spec.query == query
    assert (spec.auth.header, spec.auth.prefix) == ("api-key", "")


def test_a_provider_file_is_short():
    """One that speaks OpenAI's dialect takes at most 25 lines at the median."""
    folder = Path(inspect.getfile(providers)).parent
    files = [
        path for path in folder.glob("*.py") if path.stem not in ("base", "registry", "builtin", "__init__")
    ]
    assert len(files) == len(BUILTIN)
    for path in files:
        assert len(path.read_text().splitlines()) < 60, path.name
    lengths = [
        len((folder / f"{spec.name.replace('-', '_')}.py").read_text().splitlines())
        for spec in BUILTIN
        if spec.dialect == "openai"
    ]
    assert statistics.median(lengths) <= 25


def test_a_provider_file_stands_on_the_description_alone():
    """No provider imports another, so that one is read, changed and copied by itself."""
    for spec in BUILTIN:
        path = Path(inspect.getfile(providers)).parent / f"{spec.name.replace('-', '_')}.py"
        imported = [
            node.module
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ferrogate")
        ]
        assert imported == ["ferrogate.providers.base"], path.name


@pytest.mark.parametrize(
    ("quirks", "says"),
    [
        ({"rename": {"model": "engine"}}, "model is the gateway's own"),
        ({"rename": {"engine": "model"}}, "model is the gateway's own"),
        ({"unsupported": ("stream",)}, "stream is the gateway's own"),
        ({"required": {"messages": []}}, "messages is the gateway's own"),
        (
            {"unsupported": ("seed",), "rename": {"seed": "random_seed"}},
            "seed cannot be unsupported and sent",
        ),
        ({"unsupported": ("max_tokens",), "rename": {"x": "max_tokens"}}, "max_tokens cannot be unsupported"),
        ({"unsupported": ("top_k",), "required": {"top_k": 1}}, "top_k cannot be unsupported and sent"),
    ],
)
def test_quirks_that_contradict_the_engine_or_themselves_are_refused(quirks, says):
    with pytest.raises(ValueError, match=says):
        Quirks(**quirks)


def test_the_page_has_every_quirk():
    """The table of docs/providers.md, row by row, against the specs."""
    page = (Path(__file__).parents[3] / "docs" / "providers.md").read_text()
    _, _, chapter = page.partition("## Quirks\n")
    rows = [line.split("|")[1:4] for line in chapter.split("\n\n")[1].splitlines()[2:]]
    named = re.compile(r"`([^`]+)`")
    told = {}
    for names, renames, leaves_out in rows:
        words = named.findall(renames)
        for name in named.findall(names):
            told[name] = Quirks(
                dict(zip(words[::2], words[1::2], strict=True)), tuple(named.findall(leaves_out))
            )
    assert told == {spec.name: spec.quirks for spec in BUILTIN if spec.quirks != Quirks()}
