import json
import os

import jsonschema
import pytest
from pydantic import ValidationError

from ferrogate.config import load_config
from ferrogate.engine.compile import compile_snapshot
from ferrogate.engine.effective import GatewayKeyEntry, ProviderEntry, ProviderKey, Stored, merge
from ferrogate.engine.facade import check_snapshot
from ferrogate.engine.schema import snapshot_schema
from ferrogate.engine.snapshot import Snapshot
from ferrogate.errors import ConfigError, SnapshotError
from ferrogate.providers.base import ProviderSpec
from ferrogate.providers.builtin import BUILTIN
from ferrogate.providers.registry import Registry

SAMPLED = (
    "anthropic", "azure", "deepseek", "groq", "mistral", "mock", "ollama", "openai", "openai-compatible",
    "openrouter", "together", "vllm",
)  # fmt: skip
"""Few enough that the golden file shows what changes, and does not grow with every provider that ships."""
ENVIRON = {
    "OPENAI_API_KEY": "sk-golden-main-0123456789",
    "OPENAI_KEY_2": "sk-golden-spare-0123456789",
    "TEAM_TOKEN": "team-token",
    "GROQ_API_KEY": "gsk_golden_0123456789",
    "GATEWAY_KEY": "gw-golden",
}
STORED = Stored(
    keys=(
        ProviderKey("key_01J0000000000000000000000", "openai", "from-store", "sk-golden-store-0123456789"),
    ),
    gateway_keys=(GatewayKeyEntry("gk_01J0000000000000000000000", "search", "search-team", "ab" * 32),),
    settings={"limits.answer": "2MiB", "limits.json_body": "1MiB"},
)


@pytest.fixture
def sample(golden):
    registry = Registry(spec for spec in BUILTIN if spec.name in SAMPLED)
    file = load_config(golden / "gateway.yaml", None, ENVIRON, registry.options())
    return compile_snapshot(merge(file, ENVIRON, STORED, registry), registry, ENVIRON)


def test_the_sample_compiles_to_the_golden_snapshot(sample, golden):
    """FERROGATE_UPDATE_GOLDEN=1 writes it anew; the engine's tests read the same file."""
    path = golden / "snapshot.json"
    rendered = json.dumps(sample.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("FERROGATE_UPDATE_GOLDEN"):
        path.write_text(rendered)
    assert path.read_text() == rendered


def test_the_golden_snapshot_reads_back(sample, golden):
    document = json.loads((golden / "snapshot.json").read_text())
    jsonschema.validate(document, snapshot_schema())
    assert Snapshot.model_validate(document) == sample


def test_the_engine_takes_the_sample(sample):
    check_snapshot(sample)
    lost = sample.aliases[0].model_copy(update={"targets": []})
    with pytest.raises(SnapshotError):
        check_snapshot(sample.model_copy(update={"aliases": [lost]}))


def test_what_the_file_says_is_in_the_snapshot(sample):
    assert sample.auth.required
    assert sample.auth.allowed_hosts == ["gateway.example.com"]
    assert [key.id for key in sample.auth.gateway_keys] == ["env:GATEWAY_KEY", "gk_01J0000000000000000000000"]
    assert not sample.expose_headers
    assert (sample.limits.json_body_bytes, sample.limits.answer_bytes) == (16 * 2**20, 2 * 2**20)
    providers = {provider.name: provider for provider in sample.providers}
    assert [key.name for key in providers["openai"].keys] == ["main", "spare", "old", "from-store"]
    vllm = providers["my-vllm"]
    assert vllm.base_url == "http://127.0.0.1:8000/v1"
    assert vllm.headers == {"x-team": "search", "x-team-token": "team-token"}
    assert (vllm.query, vllm.http2, vllm.keyless) == ("tier=a+b%26c", "off", True)
    assert (vllm.timeouts.connect_ms, vllm.timeouts.headers_ms, vllm.timeouts.idle_ms) == (
        5_000,
        30_000,
        90_000,
    )
    assert providers["azure"].query == "api-version=2024-10-21"
    assert providers["azure"].templates["embeddings"] == "/openai/deployments/{model}/{path}"
    assert providers["azure-new"].templates == {"*": "/openai/v1/{path}"}
    assert providers["azure-new"].base_url == "https://example.openai.azure.com"
    assert {name for name, provider in providers.items() if provider.configured} == {
        "openai", "azure", "azure-new", "my-vllm", "groq",
    }  # fmt: skip
    assert [(target.provider, target.weight) for target in sample.aliases[0].targets] == [
        ("openai", 3.0), ("azure", 1.0), ("my-vllm", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "hint"),
    [
        (
            "openai",
            (
                "set OPENAI_API_KEY, `gateway keys add openai`, POST /api/v1/keys, "
                "or providers.openai.keys in gateway.yaml"
            ),
        ),
        (
            "my-vllm",
            "`gateway keys add my-vllm`, POST /api/v1/keys, or providers.my-vllm.keys in gateway.yaml",
        ),
        (
            "azure-new",
            "`gateway keys add azure-new`, POST /api/v1/keys, or providers.azure-new.keys in gateway.yaml",
        ),
    ],
)
def test_a_missing_key_is_answered_with_the_ways_to_add_one(sample, provider, hint):
    assert next(entry for entry in sample.providers if entry.name == provider).key_hint == hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"openai-organization": "org-1"}),
        ("providers: {openai: {keys: [sk-own]}}\n", {}),
        ("providers: {openai: {headers: {OpenAI-Organization: org-2}}}\n", {"openai-organization": "org-2"}),
    ],
)
def test_headers_of_the_environment_go_with_its_key_only(effective, registry, text, expected):
    environ = {"OPENAI_API_KEY": "sk-1", "OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": " "}
    snapshot = compile_snapshot(effective(text, environ), registry, environ)
    assert next(entry for entry in snapshot.providers if entry.name == "openai").headers == expected


def test_what_a_provider_speaks_crosses_the_boundary():
    specs = [
        ProviderSpec(name="one", title="One", base_url="https://one.example.com/v1"),
        ProviderSpec(
            name="other", title="Other", base_url="https://other.example.com/v1", dialect="anthropic"
        ),
    ]
    registry = Registry(specs)
    merged = merge(load_config(None, None, {}), {}, Stored(), registry)
    snapshot = compile_snapshot(merged, registry, {})
    assert {provider.name: provider.dialect for provider in snapshot.providers} == {
        "one": "openai", "other": "anthropic",
    }  # fmt: skip
    check_snapshot(snapshot)


def _refuse(spec, options):
    raise ValueError("region and zone contradict each other; remove one")


def test_options_that_contradict_are_refused_by_their_provider(tmp_path):
    spec = ProviderSpec(name="picky", title="Picky", base_url="https://x.example.com", configure=_refuse)
    registry = Registry([spec])
    stored = Stored(providers=(ProviderEntry("picky", "picky"),))
    merged = merge(load_config(None, None, {}), {}, stored, registry)
    with pytest.raises(ConfigError, match="provider picky: region and zone contradict each other"):
        compile_snapshot(merged, registry, {})


@pytest.mark.parametrize(
    "place",
    [
        (),
        ("auth",),
        ("limits",),
        ("providers", 0),
        ("providers", 0, "timeouts"),
        ("aliases", 0, "targets", 0),
    ],
)
def test_a_snapshot_refuses_unknown_fields(sample, place):
    document = sample.model_dump(mode="json")
    here = document
    for part in place:
        here = here[part]
    here["surprise"] = 1
    with pytest.raises(ValidationError, match="surprise"):
        Snapshot.model_validate(document)


def test_no_secret_in_the_repr_of_a_snapshot_or_of_its_errors(sample):
    assert "golden" not in repr(sample)
    assert "team-token" not in str(sample)
    document = sample.model_dump(mode="json")
    openai = next(provider for provider in document["providers"] if provider["name"] == "openai")
    openai["keys"][0]["weight"] = "heavy"
    openai["keys"][1]["value"] = ["sk-golden-spare-0123456789"]
    with pytest.raises(ValidationError) as caught:
        Snapshot.model_validate(document)
    assert "sk-golden" not in str(caught.value)
