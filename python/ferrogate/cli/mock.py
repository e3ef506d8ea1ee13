"""``gateway mock``: the scripted provider as a server of its own.

For whoever wants to try a client or the gateway against a provider that costs nothing, answers at once and
fails on demand. What a single request should meet is said by its ``x-mock-*`` headers or by its key's script;
the flags here are what holds for all the others.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from ferrogate.engine.facade import MockServer
from ferrogate.errors import FerrogateError

__all__ = ["EPILOG", "mock"]

EPILOG = (
    "Examples:\n\n"
    "gateway mock\n\n"
    "gateway mock --port 0 --latency-ms 200 --ttft-ms 300 --tokens-per-second 50\n\n"
    "curl http://127.0.0.1:8081/v1/chat/completions -H 'x-mock-status: 429' -d "
    '\'{"model": "echo", "messages": [{"role": "user", "content": "hi"}]}\'\n\n'
    "curl -X PUT http://127.0.0.1:8081/_mock/keys/sk-1 -d '{\"error_rate\": 0.1}'\n\n"
    "curl http://127.0.0.1:8081/_mock/requests"
)
"""The examples below the help text; for the registration of the command."""


def mock(
    host: Annotated[str, typer.Option(help="Address to bind.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to bind; 0 picks a free one.")] = 8081,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Threads that share the port.")] = 1,
    latency_ms: Annotated[float, typer.Option(min=0, help="Wait before every answer.")] = 0.0,
    ttft_ms: Annotated[float, typer.Option(min=0, help="Wait before the first event of a stream.")] = 0.0,
    chunk_ms: Annotated[float, typer.Option(min=0, help="Wait between two events of a stream.")] = 0.0,
    tokens_per_second: Annotated[
        float, typer.Option(min=0, help="Speed of generation, for whole answers and streams; 0 is at once.")
    ] = 0.0,
    chunks: Annotated[
        int | None, typer.Option(min=0, help="Content events in a stream.", show_default="20")
    ] = None,
    chunk_bytes: Annotated[int, typer.Option(min=1, help="Size of one content event.")] = 250,
    body_kb: Annotated[
        float | None, typer.Option(min=0, help="Size of an answer's text in KiB.", show_default="short")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record/--no-record", help="Keep what arrives for GET /_mock/requests.")
    ] = True,
    record_mb: Annotated[int, typer.Option(min=1, help="Bound on what is kept, in MiB.")] = 32,
) -> None:
    """Run the scripted provider, in OpenAI's dialect, until Ctrl-C."""
    options = {
        "host": host,
        "port": port,
        "threads": threads,
        "latency_ms": latency_ms,
        "ttft_ms": ttft_ms,
        "chunk_ms": chunk_ms,
        "tokens_per_second": tokens_per_second,
        "chunks": chunks,
        "chunk_bytes": chunk_bytes,
        "body_kb": body_kb,
        "record": record,
        "record_bytes": record_mb << 20,
    }
    with _end_signals() as ends:
        try:
            server = MockServer(options)
        except FerrogateError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from error
        try:
            url = f"http://{f'[{host}]' if ':' in host else host}:{server.port}"
            typer.echo(f"listening on {url}")
            typer.echo(f"base URL for clients: {url}/v1 (any key; the model `echo` repeats what it is told)")
            signal.sigwait(ends)
        finally:
            server.stop()


@contextmanager
def _end_signals() -> Iterator[set[signal.Signals]]:
    """Hold back what would end the process, so that it can be waited for; new threads inherit this."""
    ends = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    try:
        yield ends
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
