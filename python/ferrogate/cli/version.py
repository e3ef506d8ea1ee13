"""``gateway version``: what is installed."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(pretty_exceptions_show_locals=False, add_completion=False)


@app.command("version", epilog="Examples:\n\ngateway version\n\ngateway version --json | jq -r .git")
def version(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print version, build profile, git hash and features."""
    import ferrogate
    from ferrogate.engine.facade import build_info

    info = {**build_info(), "version": ferrogate.__version__}
    if as_json:
        import orjson

        typer.echo(orjson.dumps(info, option=orjson.OPT_INDENT_2).decode())
        return
    typer.echo(f"ferrogate {info.pop('version')}")
    for name, value in info.items():
        typer.echo(f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
