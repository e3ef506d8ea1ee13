"""``gateway token``: the admin token."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from ferrogate.cli.control import DataOption, data_folder, reported

__all__ = ["app"]

app = typer.Typer(
    name="token",
    help="The token that opens the admin API and the dashboard.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


@app.callback()
def token() -> None:
    """Keep ``reset`` a command of its own: Typer folds a group of one into the group."""


@app.command(epilog="Examples:\n\ngateway token reset\n\ngateway token reset --quiet --data /var/lib/gateway")
def reset(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the token and nothing else.")] = False,
    data: DataOption = None,
) -> None:
    """Make a new admin token. The old one stops working at once, in a running gateway too."""
    from ferrogate.services.admin_token import AdminToken
    from ferrogate.store import open_store

    with reported():
        store = open_store(data_folder(data), os.environ)
        try:
            fresh = AdminToken(store, os.environ).reset()
        finally:
            store.close()
    typer.echo(fresh if quiet else f"admin token: {fresh}")
