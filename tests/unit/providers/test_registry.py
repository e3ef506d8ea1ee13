from importlib.metadata import EntryPoint

import pytest

from ferrogate.errors import ConfigError
from ferrogate.providers import registry as module
from ferrogate.providers.base import ProviderSpec
from ferrogate.providers.builtin import BUILTIN
from ferrogate.providers.registry import GROUP, Registry

OURS = ProviderSpec(name="ours", title="Ours", base_url="https://llm.example.com/v1")
TAKEOVER = ProviderSpec(name="openai", title="Not OpenAI", base_url="https://elsewhere.example.com/v1")
NOT_A_SPEC = {"name": "x"}


@pytest.fixture
def plug_ins(monkeypatch):
    def _install(*names):
        points = [EntryPoint(name.lower(), f"{__name__}:{name}", GROUP) for name in names]
        monkeypatch.setattr(module, "entry_points", lambda group: points if group == GROUP else [])

    return _install


def test_everything_that_ships_is_there():
    names = Registry.load().names()
    assert set(names) >= {
        "openai", "anthropic", "azure", "openai-compatible", "groq", "mistral", "deepseek", "together",
        "openrouter", "ollama", "vllm", "mock", "fireworks", "xai", "perplexity", "cerebras", "nebius",
        "nvidia", "deepinfra", "moonshot", "huggingface", "sambanova", "hyperbolic", "sglang", "lmstudio",
        "llamacpp",
    }  # fmt: skip
    assert not {"gemini", "genai", "bedrock", "cohere", "vertex"} & set(names), "kept for their own dialects"
    assert list(names) == sorted(names)


def test_a_package_adds_a_provider(plug_ins):
    plug_ins("OURS")
    registry = Registry.load()
    assert registry.get("ours") is OURS
    assert registry.warnings == ()


def test_a_package_cannot_take_over_a_name_that_ships(plug_ins):
    plug_ins("TAKEOVER")
    registry = Registry.load()
    assert registry.get("openai").base_url == "https://api.openai.com/v1"
    assert "a provider named 'openai' exists already" in registry.warnings[0]


@pytest.mark.parametrize(("name", "says"), [("NOT_A_SPEC", "leads to dict"), ("ABSENT", "ABSENT")])
def test_a_package_that_fails_is_left_out_and_named(plug_ins, name, says):
    plug_ins(name, "OURS")
    registry = Registry.load()
    assert "ours" in registry
    assert len(registry.warnings) == 1
    assert says in registry.warnings[0]


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("opnai", "openai"), ("OpenAI", "openai"), ("mistrall", "mistral"), ("deep-seek", "deepseek")],
)
def test_the_nearest_name_is_suggested(asked, nearest):
    registry = Registry(BUILTIN)
    assert registry.nearest(asked)[0] == nearest
    with pytest.raises(ConfigError, match=f"did you mean '{nearest}'"):
        registry.get(asked)


def test_with_nothing_near_all_names_are_given():
    with pytest.raises(ConfigError, match="known are anthropic, azure, baseten"):
        Registry(BUILTIN).get("zzz")


def test_two_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="two providers are named 'ours'"):
        Registry([OURS, OURS])


def test_the_settings_of_a_kind():
    options = Registry(BUILTIN).options()
    assert options["azure"] == {"api", "api_version"}
    assert options["cloudflare"] == {"account_id"}
    assert options["openai"] == frozenset()
