"""docs/config.md and docs/providers.md say what the code does."""

import re
from pathlib import Path

import pytest

from ferrogate.config import check_config
from ferrogate.config.base import written_name
from ferrogate.config.cache import Cache
from ferrogate.config.environment import OTHERS
from ferrogate.config.quantities import format_bytes, format_ms
from ferrogate.config.sections import Hedge, Limits, Log, Server, Timeouts
from ferrogate.providers.builtin import BUILTIN
from ferrogate.providers.registry import Registry

DOCS = Path(__file__).parents[3] / "docs"
CONFIG = (DOCS / "config.md").read_text()
PROVIDERS = (DOCS / "providers.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", CONFIG + PROVIDERS, re.DOTALL)
ENVIRON = {
    "OPENAI_API_KEY": "sk-1",
    "MY_VLLM_KEY": "sk-2",
    "AZURE_OPENAI_API_KEY": "sk-3",
    "ANTHROPIC_API_KEY": "sk-5",
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_valid(tmp_path, example):
    (tmp_path / "openai").write_text("sk-4")
    path = tmp_path / "gateway.yaml"
    path.write_text(example.replace("/run/secrets/openai", "openai"))
    _, problems = check_config(path, None, ENVIRON, Registry(BUILTIN).options())
    assert problems == []


def written(model, prefix=""):
    """Return the defaults of a section and of those inside it, as the file would say them."""
    for attribute, field in model.model_fields.items():
        name = f"{prefix}{written_name(model, attribute)}"
        if attribute in model.sections():
            yield from written(model.sections()[attribute], f"{name}.")
        else:
            yield name, spelled(attribute, field.default)


def spelled(attribute, value):
    if attribute.endswith("_ms"):
        return format_ms(value)
    if attribute.endswith("_bytes"):
        return format_bytes(value)
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("model", [Server, Timeouts, Limits, Hedge, Cache])
def test_every_setting_is_listed_with_its_default(model):
    section = CONFIG.split(f"\n### {model.__name__.lower()}\n")[1].split("\n### ")[0]
    for name, value in written(model):
        row = re.search(rf"^\| `{name}` \| ([^|]*) \|", section, re.MULTILINE)
        assert row, name
        default = {
            "workers": "one a core",
            "allowed_hosts": "[]",
            "allowed_origins": "[]",
            "tls": "none",
            "exact.ignore": "[]",
            "semantic.threshold": "none",
            "embedder.path": "none",
        }.get(name)
        assert row[1] == (default or value), name


def test_every_log_level_is_listed():
    for level in Log.model_fields["level"].annotation.__args__:
        assert f"`{level}`" in CONFIG


def test_every_variable_that_is_no_setting_is_listed():
    for name in OTHERS:
        assert f"`{name}`" in CONFIG


@pytest.mark.parametrize("spec", BUILTIN, ids=lambda spec: spec.name)
def test_every_provider_is_listed_with_its_address_and_variables(spec):
    row = next(line for line in PROVIDERS.splitlines() if line.startswith(f"| `{spec.name}` |"))
    assert (spec.base_url or "") in row
    for variable in (*spec.env_keys, *spec.env_base_url, *spec.header_env.values()):
        assert f"`{variable}`" in row
    for option in spec.options:
        assert f"`{option.name}`" in PROVIDERS or f"{option.name}:" in PROVIDERS


def test_the_table_of_providers_names_no_other():
    table = PROVIDERS.split("\n\n")[2].splitlines()[2:]
    assert sorted(line.split("`")[1] for line in table) == sorted(spec.name for spec in BUILTIN)
