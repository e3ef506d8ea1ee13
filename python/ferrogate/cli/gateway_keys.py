"""``gateway gateway-keys``: what clients call the gateway with."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from ferrogate.cli.control import DataOption, JsonOption, RefusedError, print_json, reach, reported
from ferrogate.terminal import printable

__all__ = ["app"]

app = typer.Typer(
    name="gateway-keys",
    help="Credentials of clients, for gateways that ask for one.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


@app.command("list", epilog="Examples:\n\ngateway gateway-keys list\n\ngateway gateway-keys list --json")
def list_gateway_keys(data: DataOption = None, as_json: JsonOption = False) -> None:
    """List them. Only hashes are kept, so no secret can be shown."""
    with reported(), reach(data) as control:
        items = control.call("GET", "gateway-keys")["items"]
    if as_json:
        print_json(items)
        return
    if not items:
        typer.echo("no gateway keys; add one with: gateway gateway-keys add NAME")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("name", "tenant", "key", "made", "id"):
        table.add_column(title, overflow="fold")
    for item in items:
        made = (item["created_at"] or "")[:19].replace("T", " ")
        cells = (item["name"], item["tenant"], item["masked"] or "(environment)", made, item["id"])
        table.add_row(*(Text(printable(cell)) for cell in cells))
    Console().print(table)


@app.command(
    epilog="Examples:\n\ngateway gateway-keys add chatbot\n\n"
    "export OPENAI_API_KEY=$(gateway gateway-keys add chatbot --tenant team-a --quiet)",
)
def add(
    name: Annotated[str, typer.Argument(help="Who it is for.", metavar="NAME")],
    tenant: Annotated[str | None, typer.Option("--tenant", "-t", help="Default: the key's own id.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the secret and nothing else.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a gateway key. Its secret is printed this once."""
    body = {"name": name} if tenant is None else {"name": name, "tenant": tenant}
    with reported(), reach(data) as control:
        made = control.call("POST", "gateway-keys", body)
    if as_json:
        print_json(made)
    elif quiet:
        typer.echo(made["secret"])
    else:
        typer.echo(f"gateway key: {made['secret']}")
        typer.echo(
            f"{made['name']} ({made['id']}); the key is not stored and cannot be shown again", err=True
        )


@app.command(
    epilog="Examples:\n\ngateway gateway-keys remove chatbot\n\n"
    "gateway gateway-keys remove gk_01jd3q5x6w8m9n0p1r2s3t4v5x",
)
def remove(
    key: Annotated[str, typer.Argument(help="The key's id or name.", metavar="KEY")], data: DataOption = None
) -> None:
    """Remove a gateway key: the next request with it is refused."""
    with reported(), reach(data) as control:
        items = control.call("GET", "gateway-keys")["items"]
        found = next((item["id"] for item in items if key in (item["id"], item["name"])), None)
        if found is None:
            raise RefusedError(f"there is no gateway key {key!r}; `gateway gateway-keys list` shows all")
        control.call("DELETE", f"gateway-keys/{quote(found)}")
    typer.echo(f"removed {key}")
