"""``gateway serve``: run the gateway."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["app"]

app = typer.Typer(pretty_exceptions_show_locals=False, add_completion=False)


@app.command(
    "serve",
    epilog="Examples:\n\ngateway serve --mock\n\n"
    "gateway serve --host 0.0.0.0 --port 80 --data /var/lib/gateway\n\n"
    "gateway serve --config deploy/gateway.yaml --server uvicorn\n\n"
    "gateway serve --data /var/lib/gateway --take-over",
)
def serve(
    host: Annotated[str | None, typer.Option("--host", help="Address to bind; default 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", "-p", min=0, max=65_535, help="0 picks a free one; default 8080.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of the state; default ./data.", metavar="FOLDER")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="The file; default: GATEWAY_CONFIG, or ./gateway.yaml.", metavar="FILE"
        ),
    ] = None,
    server: Annotated[
        Literal["native", "uvicorn"] | None,
        typer.Option("--server", help="Who reads the socket; default native."),
    ] = None,
    engine: Annotated[
        Literal["rust", "python"] | None,
        typer.Option("--engine", help="Who does the work; python is a baseline to compare with."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", "-w", min=1, max=1024, help="Engine threads; default: one a core."),
    ] = None,
    mock: Annotated[
        bool, typer.Option("--mock", help="Add provider mock, a scripted one inside this process.")
    ] = False,
    take_over: Annotated[
        bool,
        typer.Option(
            "--take-over", help="Take the place of the gateway on the data folder; nothing is lost."
        ),
    ] = False,
) -> None:
    """Run the gateway until Ctrl-C; prints its URL when it answers."""
    # Imports make a million objects that stay, and collecting among them is a tenth of the start. The
    # gateway turns the collector on again when it answers.
    gc.disable()
    from ferrogate.app import serve as run

    flags = {
        "server.host": host,
        "server.port": port,
        "server.data": None if data is None else str(data),
        "server.door": server,
        "server.engine": engine,
        "server.workers": workers,
        "server.mock": True if mock else None,
    }
    raise typer.Exit(run(config, flags, take_over=take_over))
