"""The frame of ``gateway``: its commands, and what becomes of errors.

A command's module is imported when the command is run, and not for ``gateway --help`` or for another command:
what one needs is never another's start-up time.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from ferrogate.errors import FerrogateError
from ferrogate.terminal import printable

__all__ = ["INTERRUPTED", "app"]

_COMMANDS: Final = {
    "serve": "Run the gateway.",
    "keys": "Provider keys: list, add, remove, test.",
    "gateway-keys": "Credentials of clients: list, add, remove.",
    "token": "The admin token.",
    "config": "Check gateway.yaml, show what is in force, print its JSON Schema.",
    "lanes": "What each key is worth for each model now, and why.",
    "logs": "The request log.",
    "cache": "Kept answers: counts, list, show, purge, simulate.",
    "mock": "Run the scripted provider as a server.",
    "bench": "Put load on a server, or compare several side by side.",
    "version": "Version, build profile, git hash, features.",
}
INTERRUPTED: Final = 128 + signal.SIGINT
"""The exit code of a command that Ctrl-C ended."""


def _load(name: str) -> Any:
    """Import a command: its module's ``app``, or its one function."""
    attribute = name.replace("-", "_")
    module = import_module(f"ferrogate.cli.{attribute}")
    found = getattr(module, "app", None)
    if found is None:
        found = typer.Typer(pretty_exceptions_show_locals=False, add_completion=False)
        found.command(name)(getattr(module, attribute))
    command = get_command(found)
    command.name = name
    return command


class _Group(TyperGroup):
    """Lists commands by the table above, and imports the one that is run."""

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        del ctx
        summary = _COMMANDS.get(cmd_name)
        return None if summary is None else TyperCommand(cmd_name, help=summary)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, found, rest = super().resolve_command(ctx, args)
        return name, found if name is None else _load(name), rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except FerrogateError as error:
            shown = printable(str(error), lines=True)
            typer.secho(f"error: {shown}", err=True, fg="red" if sys.stderr.isatty() else None)
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(INTERRUPTED) from error


app = typer.Typer(
    name="gateway",
    cls=_Group,
    help="Ferrogate, an LLM gateway. Start with: gateway serve",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _gateway() -> None:
    """Ferrogate, an LLM gateway. Start with: gateway serve."""
