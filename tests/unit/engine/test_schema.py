from pathlib import Path

import jsonschema
import pytest
import yaml

from ferrogate.engine.schema import gateway_schema, main, snapshot_schema
from ferrogate.providers.base import ProviderOption, ProviderSpec
from ferrogate.providers.registry import Registry

DOCS = Path(__file__).parents[3] / "docs"


def test_the_committed_schemas_are_current():
    assert main(["--check", "--folder", str(DOCS)]) == 0


def test_an_old_or_missing_schema_fails_the_check(tmp_path, capsys):
    assert main(["--check", "--folder", str(tmp_path)]) == 1
    assert "run python -m ferrogate.engine.schema" in capsys.readouterr().err
    assert main(["--folder", str(tmp_path)]) == 0
    assert main(["--check", "--folder", str(tmp_path)]) == 0
    (tmp_path / "snapshot.schema.json").write_text("{}")
    assert main(["--check", "--folder", str(tmp_path)]) == 1


@pytest.fixture(scope="module")
def validator():
    from ferrogate.providers.builtin import BUILTIN

    schema = gateway_schema(Registry(BUILTIN))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_sample_is_valid(validator, golden):
    text = (
        (golden / "gateway.yaml")
        .read_text()
        .replace("http2: off", "http2: 'off'")
        .replace("2024-10-21", "'2024-10-21'")
    )
    validator.validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"providers": {"openai": None, "groq": {"keys": ["env.K", {"value": "file:k"}]}}},
        {
            "models": {
                "a": "openai/x",
                "b": ["openai/x", {"provider": "p", "model": "m"}],
                "c": {"targets": ["p/m"], "cache": {}},
            }
        },
        {"cache": {"exact": {}}, "x-anchors": [1]},
        {"hedge": {"enabled": True, "budget": "5%"}, "affinity": False},
        {
            "cache": {
                "exact": {"ttl": "5m", "ignore": ["seed"]},
                "semantic": {"threshold": 0.9, "verify": {"enabled": True, "target": "2%"}},
                "size": "1GB",
            }
        },
        {"models": {"a": {"targets": ["p/m"], "cache": {"exact": {"enabled": True, "stale": 0}}}}},
        {"models": {"a": {"targets": ["p/m"], "hedge": {"budget": 0.1}, "affinity": True, "log": {}}}},
        {"timeouts": {"connect": "250ms", "idle": 5}, "limits": {"json_body": "32MiB", "answer": 1024}},
    ],
)
def test_what_the_loader_takes_the_schema_takes(validator, document):
    validator.validate(document)


@pytest.mark.parametrize(
    "document",
    [
        {"sever": {}},
        {"server": {"prot": 1}},
        {"providers": {"openai": {"keyz": []}}},
        {"providers": {"azure": {"api": "v9"}}},
        {"timeouts": {"connect": "soon"}},
        {"models": {"a": {"targets": []}}},
        {"hedge": {"budget": 2}},
        {"hedge": {"after": "1s"}},
        {"cache": {"exact": {"ttl": "soon"}}},
        {"cache": {"semantic": {"profile": "loose"}}},
        {"cache": {"semantic": {"verify": {"per_minute": 1}}}},
        {"models": {"a": {"targets": ["p/m"], "cache": {"size": "1GB"}}}},
        {"models": {"a": {"targets": ["p/m"], "hedge": {"enabled": "perhaps"}}}},
        {"models": {"a": {"targets": ["p/m"], "affinity": 1}}},
    ],
)
def test_what_the_loader_refuses_the_schema_refuses(validator, document):
    assert not validator.is_valid(document)


def test_defaults_are_spelled_with_their_unit():
    definitions = gateway_schema(Registry([]))["$defs"]
    assert definitions["Timeouts"]["properties"]["connect"]["default"] == "10s"
    assert definitions["Limits"]["properties"]["json_body"]["default"] == "32MiB"
    assert definitions["Log"]["properties"]["payload_size"]["default"] == "2GB"
    assert definitions["Exact"]["properties"]["ttl"]["default"] == "300s"
    assert definitions["Cache"]["properties"]["size"]["default"] == "256MB"


def test_a_plug_in_s_settings_are_in_its_schema():
    option = ProviderOption(name="region", default="eu", summary="where", choices=("eu", "us"))
    schema = gateway_schema(Registry([ProviderSpec(name="ours", title="Ours", options=(option,))]))
    described = schema["$defs"]["ProviderSection"]["properties"]["region"]
    assert described == {"type": "string", "description": "ours: where; default eu", "enum": ["eu", "us"]}


def test_the_snapshot_s_schema_refuses_unknown_fields():
    schema = snapshot_schema()
    assert schema["additionalProperties"] is False
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())
