"""A file written for a later version starts this one, and nothing is left out in silence."""

from pathlib import Path

from ferrogate.config import load_config
from ferrogate.providers.registry import Registry

FILE = """
providers:
  openai: {keys: [{name: main, value: sk-0123456789abcdef}]}
  gemini: {keys: [{name: main, value: env.NOT_SET}]}
models:
  chat: {targets: [openai/gpt-4o-mini, gemini/gemini-2.5-flash], timeouts: {idle: 1s}}
"""


def test_later_providers_and_their_targets_are_warned_about(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(FILE)
    config = load_config(path, environ={}, kinds=Registry.load().options())
    assert set(config.providers) == {"openai"}
    assert [target.pair[0] for target in config.models["chat"].targets] == ["openai"]
    assert len(config.warnings) == 3
    assert all(
        word in " ".join(config.warnings) for word in ("timeouts", "providers.gemini", "target gemini")
    )


def test_a_section_with_a_kind_that_ships_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("providers: {cohere: {kind: openai-compatible, base_url: 'http://127.0.0.1:9/v1'}}")
    assert set(load_config(path, environ={}, kinds=Registry.load().options()).providers) == {"cohere"}
