"""The frame of ``gateway``: help, errors, interrupts."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
import typer

from ferrogate import cli
from ferrogate.errors import ConfigError

COMMANDS = ["serve", "keys", "gateway-keys", "token", "config", "logs", "mock", "bench", "version"]


@pytest.fixture
def gateway(monkeypatch, capsys):
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gateway", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def test_help_lists_every_command(gateway):
    code, out, _ = gateway("--help")
    assert code == 0
    assert all(command in out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(gateway, command):
    code, out, _ = gateway(command, "--help")
    assert code == 0
    assert f"gateway {command}" in out


def test_an_unknown_command_is_a_usage_error(gateway):
    code, _, err = gateway("nonsense")
    assert code == 2
    assert "nonsense" in err


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [(ConfigError("say what to do"), 1, "error: say what to do"), (KeyboardInterrupt(), 130, "")],
)
def test_expected_ends_have_no_traceback(gateway, monkeypatch, raised, code, said):
    def version() -> None:
        raise raised

    module = ModuleType("ferrogate.cli.version")
    module.app = typer.Typer()  # type: ignore[attr-defined]
    module.app.command("version")(version)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ferrogate.cli.version", module)
    ended, out, err = gateway("version")
    assert (ended, out, err.strip()) == (code, "", said)


def test_version_names_the_build(gateway):
    import ferrogate

    code, out, _ = gateway("version")
    assert code == 0
    assert out.startswith(f"ferrogate {ferrogate.__version__}\n")
    assert "profile: " in out
