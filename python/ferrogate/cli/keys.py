"""``gateway keys``: provider keys."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer

from ferrogate.cli.control import (
    Control,
    DataOption,
    JsonOption,
    RefusedError,
    data_folder,
    fail,
    print_json,
    reach,
    reported,
)
from ferrogate.terminal import printable

__all__ = ["app"]

app = typer.Typer(
    name="keys",
    help="Provider keys: in the data folder, or through the gateway that runs on it.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)

_Key = Annotated[str, typer.Argument(help="The key's id, or PROVIDER/NAME.", metavar="KEY")]


@app.command(
    "list", epilog="Examples:\n\ngateway keys list\n\ngateway keys list --json | jq -r '.[].provider'"
)
def list_keys(
    provider: Annotated[str | None, typer.Option("--provider", "-p", help="Only of this provider.")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the keys of the data folder, gateway.yaml and the environment, their values masked."""
    with reported(), reach(data) as control:
        items = control.call("GET", "keys", query={"provider": provider} if provider else None)["items"]
    if as_json:
        print_json(items)
    elif not items:
        typer.echo("no provider keys; add one with: gateway keys add openai")
    else:
        _print_table(items)


@app.command(
    epilog="Examples:\n\ngateway keys add openai\n\n"
    "gateway keys add openai --name spare --value-env OPENAI_KEY_2 --weight 0.5\n\n"
    "pass show groq | gateway keys add groq --models 'llama-3*'",
)
def add(
    provider: Annotated[str, typer.Argument(help="The provider, such as openai.", metavar="PROVIDER")],
    name: Annotated[str | None, typer.Option("--name", "-n", help="Default: main, main-2, ...")] = None,
    value: Annotated[
        str | None,
        typer.Option("--value", help="The key. The shell's history will hold it: better leave it out."),
    ] = None,
    value_env: Annotated[
        str | None, typer.Option("--value-env", help="Take the key from this variable.", metavar="NAME")
    ] = None,
    weight: Annotated[float, typer.Option("--weight", "-w", help="Share of the traffic.")] = 1.0,
    models: Annotated[
        str, typer.Option("--models", "-m", help="Names it may serve, with commas; * at the end is open.")
    ] = "*",
    disabled: Annotated[bool, typer.Option("--disabled", help="Store it without using it.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a key. Without --value and --value-env it is read from standard input, or asked for."""
    body: dict[str, Any] = {
        "provider": provider,
        "value": _value(value, value_env, provider),
        "weight": weight,
        "models": [part.strip() for part in models.split(",") if part.strip()],
        "enabled": not disabled,
    }
    if name is not None:
        body["name"] = name
    with reported(), reach(data) as control:
        key = control.call("POST", "keys", body)
        is_running = control.is_running
    if as_json:
        print_json(key)
        return
    when = "in force now" if is_running else "in force at the next start"
    typer.echo(f"added {key['provider']}/{key['name']} ({key['value'] or 'no value'}) as {key['id']}, {when}")


@app.command(
    epilog="Examples:\n\ngateway keys remove openai/spare\n\n"
    "gateway keys remove key_01jd3q5x6w8m9n0p1r2s3t4v5x",
)
def remove(key: _Key, data: DataOption = None) -> None:
    """Remove a key from the data folder, even one that the master key does not open any more."""
    from ferrogate.errors import DecryptionError

    with reported():
        try:
            with reach(data) as control:
                control.call("DELETE", f"keys/{quote(_find(control, key)['id'])}")
        except DecryptionError:
            _remove_sealed(key, data)
    typer.echo(f"removed {key}")


@app.command(
    "test",
    epilog="Examples:\n\ngateway keys test openai/main\n\ngateway keys test openai/main --json",
)
def try_key(key: _Key, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Make a real call with a key: exit code 0 where the provider takes it, 1 where not."""
    with reported(), reach(data) as control:
        result = control.call("POST", f"keys/{quote(_find(control, key)['id'])}/test")
    if as_json:
        print_json(result)
    else:
        latency = "" if result["latency_ms"] is None else f" ({result['latency_ms']:.0f} ms)"
        typer.echo(f"{printable(result['message'])}{latency}", err=not result["ok"])
    raise typer.Exit(0 if result["ok"] else 1)


def _value(value: str | None, variable: str | None, provider: str) -> str:
    if value is not None and variable is not None:
        fail("give --value or --value-env, not both", 2)
    if value is not None:
        return value
    if variable is not None:
        if variable not in os.environ:
            fail(f"the environment variable {variable} is not set", 2)
        return os.environ[variable]
    if sys.stdin.isatty():
        prompted: str = typer.prompt(f"{provider} key", hide_input=True, default="", show_default=False)
        return prompted
    return sys.stdin.readline().strip()


def _find(control: Control, text: str) -> dict[str, Any]:
    """Return the key of that id, or of that PROVIDER/NAME, or of that name where only one has it."""
    items: list[dict[str, Any]] = control.call("GET", "keys")["items"]
    for matches in (
        [item for item in items if item["id"] == text],
        [item for item in items if f"{item['provider']}/{item['name']}" == text],
        [item for item in items if item["name"] == text],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise RefusedError(f"{len(matches)} keys are named {text!r}: give the id, or PROVIDER/NAME")
    raise RefusedError(f"there is no key {text!r}; `gateway keys list` shows all")


def _remove_sealed(text: str, data: Any) -> None:
    from ferrogate.errors import NotFoundError
    from ferrogate.store import open_store

    store = open_store(data_folder(data), os.environ)
    try:
        with store.database.write() as connection:
            for row in store.provider_keys.list(connection):
                if text in (row.id, f"{row.provider}/{row.name}"):
                    store.provider_keys.remove(connection, row.id)
                    return
        raise NotFoundError(f"there is no stored key {text!r}")
    finally:
        store.close()


def _print_table(items: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("provider", "name", "key", "weight", "models", "source", "id"):
        table.add_column(
            title,
            justify="right" if title == "weight" else "left",
            overflow="fold",
            no_wrap=title in ("provider", "key", "id"),
        )
    for item in items:
        state = (
            ""
            if item["in_force"] and item["enabled"]
            else " (off)"
            if item["in_force"]
            else " (not in force)"
        )
        source = "data folder" if item["source"] == "store" else item["origin"]
        cells = (
            item["provider"],
            item["name"],
            item["value"] or "-",
            f"{item['weight']:g}",
            ", ".join(item["models"]),
            source + state,
            item["id"],
        )
        table.add_row(
            *(Text(printable(cell)) for cell in cells),
            style=None if item["in_force"] and item["enabled"] else "dim",
        )
    Console().print(table)
