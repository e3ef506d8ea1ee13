import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ferrogate.cli.config import app
from ferrogate.config import load_config
from ferrogate.store import open_store

GOOD = """\
server: {port: 9000, auth: off}
providers:
  openai: {keys: [{name: main, value: sk-0123456789abcdefwxyz}, env.SPARE]}
  azure: {base_url: "https://x.example.com", headers: {X-Token: abcdefghijklmnopqrstuvwx}}
models: {chat: [openai/a, {target: azure/b, weight: 2}]}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "GATEWAY_CONFIG",
        "GATEWAY_DATA",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "AZURE_OPENAI_API_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPARE", "sk-spare-0123456789")
    runner = CliRunner()

    def _run(text, *arguments):
        if text is not None:
            Path("gateway.yaml").write_text(text)
        return runner.invoke(app, list(arguments))

    return _run


def test_check_says_what_is_valid(run):
    result = run(GOOD, "check")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "gateway.yaml is valid: 2 providers, 2 keys, 1 alias\n"


def test_check_without_a_file_checks_the_environment(run):
    result = run(None, "check")
    assert result.exit_code == 0
    assert result.stdout == "the environment is valid: 0 providers, 0 keys, 0 aliases\n"


def test_check_prints_every_problem_and_fails(run):
    result = run("server: {prot: 1}\nproviders: {opnai: {}}\n", "check")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert [line.split(" ")[0] for line in result.stderr.splitlines()] == [
        "gateway.yaml:1:10:",
        "gateway.yaml:2:13:",
    ]


def test_check_finds_what_only_merging_shows(run):
    result = run("models: {a: [opnai/x]}\nproviders: {azure: {}}\n", "check")
    assert result.exit_code == 1
    assert "models.a.targets[0] leads to 'opnai'" in result.stderr
    assert "providers.azure has no base_url" in result.stderr


def test_check_loads_hooks(run):
    result = run("hooks: [./nowhere.py:Mask]\n", "check")
    assert result.exit_code == 1
    assert "hook Mask: " in result.stderr
    assert "there is no such file" in result.stderr
    assert run("hooks: [./nowhere.py:Mask]\n", "show").exit_code == 0


def test_check_as_json(run):
    result = run("server: {prot: 1}\n", "check", "--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["ok"] is False
    problem = answer["problems"][0]
    assert (problem["place"], problem["line"], problem["column"]) == ("gateway.yaml:1:10", 1, 10)
    assert problem["message"].endswith("server.prot is not known here; did you mean port?")
    result = run("server: {engine: python, door: uvicorn}\ncache: {exact: {stale: 1m}}\n", "check", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["warnings"] == [
        "cache.exact.stale has no effect: the Python engine serves fresh answers only"
    ]


def test_show_masks_and_names_the_sources(run):
    result = run(GOOD, "show")
    assert result.exit_code == 0, result.stderr
    assert "    port: 9000" in result.stdout.replace("  port", "    port")
    assert "# gateway.yaml:1:16" in result.stdout
    assert "sk-...wxyz" in result.stdout
    assert "0123456789" not in result.stdout
    assert "abcdefghij" not in result.stdout
    assert "deepseek" not in result.stdout
    assert "deepseek" in run(None, "show", "--all").stdout


def test_what_show_prints_is_a_configuration(run):
    Path("again.yaml").write_text(run(GOOD, "show", "--all").stdout)
    config = load_config(Path("again.yaml"), None, {})
    assert config.server.port == 9000
    assert config.server.auth == "off"
    assert [target.pair for target in config.models["chat"].targets] == [("openai", "a"), ("azure", "b")]
    assert [key.name for key in config.providers["openai"].keys] == ["main", "SPARE"]


def test_show_prints_what_an_alias_says_for_itself(run):
    text = (
        "hedge: {enabled: true}\naffinity: false\nmodels:\n"
        "  chat: {targets: [openai/a], hedge: {budget: 10%}, affinity: true, log: {payloads: false}}\n"
    )
    shown = run(text, "show").stdout
    assert "affinity: false  # gateway.yaml:2:11" in shown
    Path("again.yaml").write_text(shown)
    config = load_config(Path("again.yaml"), None, {})
    assert (config.hedge.enabled, config.affinity) == (True, False)
    chat = config.models["chat"]
    assert (chat.hedge.enabled, chat.hedge.budget, chat.affinity) == (None, 0.1, True)
    assert chat.log.payloads is False


def test_show_prints_sections_inside_sections(run):
    text = (
        "cache: {exact: {enabled: true, ttl: 90}, size: 1GB}\nmodels:\n"
        "  chat: {targets: [openai/a], cache: {exact: {coalesce: false}, semantic: {threshold: 0.9}}}\n"
    )
    shown = run(text, "show").stdout
    assert shown.startswith("cache:\n  exact:\n    enabled: true  # gateway.yaml:1:26\n")
    for printed in (shown, run(text, "show", "--all").stdout):
        Path("again.yaml").write_text(printed)
        config = load_config(Path("again.yaml"), None, {})
        assert (config.cache.exact.ttl_ms, config.cache.size_bytes) == (90_000, 10**9)
        assert config.models["chat"].cache.said() == {
            "exact": {"coalesce": False}, "semantic": {"threshold": 0.9},
        }  # fmt: skip


def test_show_as_json(run):
    answer = json.loads(run(GOOD, "show", "--json").stdout)
    assert answer["settings"]["server.port"]["value"] == 9000
    openai = next(provider for provider in answer["providers"] if provider["name"] == "openai")
    assert [key["source"] for key in openai["keys"]] == ["file", "file"]


def test_show_of_a_wrong_file_fails(run):
    result = run("server: {prot: 1}\n", "show")
    assert result.exit_code == 1
    assert "did you mean port?" in result.stderr


def test_show_reads_the_data_folder(run, tmp_path):
    store = open_store(tmp_path / "state", {})
    try:
        with store.database.write() as connection:
            store.provider_keys.add(
                connection,
                provider="groq",
                name="kept",
                value="gsk_0123456789abcdefwxyz",
                masked="gsk_...wxyz",
                weight=2.0,
                models=("*",),
                enabled=True,
            )
    finally:
        store.close()
    result = run(GOOD, "show", "--data", "state")
    assert result.exit_code == 0, result.stderr
    assert '{"name": "kept", "value": "gsk_...wxyz", "weight": 2.0' in result.stdout
    assert "# the data folder" in result.stdout


def test_show_makes_no_data_folder(run):
    run(GOOD, "show", "--data", "state")
    assert not Path("state").exists()


def test_schema_is_json(run):
    result = run(None, "schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["title"] == "gateway.yaml"


@pytest.mark.parametrize("command", ["check", "show", "schema"])
def test_help_has_examples(run, command):
    result = run(None, command, "--help")
    assert result.exit_code == 0
    assert f"gateway config {command}" in result.stdout
