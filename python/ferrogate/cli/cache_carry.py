"""``gateway cache export``, ``import`` and ``warm``: answers carried between gateways, and out of the log."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any, Final

import orjson
import typer

from ferrogate.cli.cache_log import told_calls
from ferrogate.cli.control import (
    Control,
    DataOption,
    JsonOption,
    RefusedError,
    print_json,
    reach_running,
    reported,
)
from ferrogate.terminal import printable

__all__ = ["export", "import_entries", "warm"]

_PAGE: Final = 100
_BATCH_BYTES: Final = 600_000
"""Of one request: the admin API reads documents of up to 1 MiB, and escapes make a text longer."""

_File = Annotated[Path, typer.Argument(help="The file; - is the standard one.", metavar="FILE")]


def export(file: _File, data: DataOption = None) -> None:
    """Write every entry with its answer to a file, a line of JSON each. Only its owner can read it."""
    with reported(), reach_running(data) as control, _written(file) as out:
        count = 0
        cursor: dict[str, str] = {}
        while True:
            page = control.call("GET", "cache/export", query={**cursor, "limit": _PAGE})
            for item in page["items"]:
                out.write(orjson.dumps(item) + b"\n")
                count += 1
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
    typer.echo(f"{count:,} entries written", err=True)


def import_entries(file: _File, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Keep the entries of a file that `gateway cache export` wrote. What is past its TTL is left out."""
    with reported(), reach_running(data) as control:
        _say(_carry(control, "cache/import", _entries(file)), "entries", as_json=as_json)


def warm(
    from_logs: Annotated[
        bool, typer.Option("--from-logs", help="Take answers from the request log: the only source there is.")
    ] = False,
    since: Annotated[str | None, typer.Option("--since", help="A time, or an age such as 24h.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="As asked, or as sent.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="The newest requests of the log.")
    ] = 5_000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read the log and keep nothing.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fill the cache from the request log, so that it does not begin empty.

    Takes requests that succeeded and whose bodies were kept whole (log.payloads), and keeps what their routes
    would keep now: younger than the TTL, whole, by tenant.
    """
    if not from_logs:
        raise typer.BadParameter("say --from-logs: the request log is where answers are taken from")
    asked = {"status": "200", **({"since": since} if since else {}), **({"model": model} if model else {})}
    with reported(), reach_running(data) as control, _progress("reading the log") as progress:
        calls, without = told_calls(control, asked, limit, progress)
        if not calls and without:
            raise RefusedError(
                f"none of the {without:,} requests has its bodies in the log; "
                "with log.payloads they are kept from now on"
            )
        if dry_run:
            typer.echo(f"{len(calls):,} calls could be tried; {without:,} have no whole bodies in the log")
            return
        done = _carry(control, "cache/warm", calls)
    _say(done, "answers", as_json=as_json, without=without)


def _carry(control: Control, path: str, items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Send items in documents that are small enough; add up what came of them."""
    kept, reasons = 0, Counter[str]()
    for batch in _batches(items, reasons):
        answer = control.call("POST", path, {"items": batch})
        kept += answer["kept"]
        reasons.update(refused["why"] for refused in answer["refused"])
    return {"kept": kept, "refused": dict(reasons.most_common())}


def _batches(items: Iterable[dict[str, Any]], reasons: Counter[str]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for item in items:
        length = len(orjson.dumps(item))
        if length > _BATCH_BYTES:
            reasons["larger than the admin API reads"] += 1
            continue
        if batch and (size + length > _BATCH_BYTES or len(batch) == _PAGE):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield batch


def _say(done: dict[str, Any], what: str, *, as_json: bool, without: int = 0) -> None:
    if as_json:
        print_json({**done, "without_bodies": without} if what == "answers" else done)
        return
    typer.echo(f"{done['kept']:,} {what} kept")
    for why, count in done["refused"].items():
        typer.echo(f"{count:,} not kept: {printable(why)}")
    if without:
        typer.echo(f"{without:,} have no whole bodies in the log (log.payloads)")


def _entries(file: Path) -> Iterator[dict[str, Any]]:
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    entry = orjson.loads(line)
                except ValueError as error:
                    raise RefusedError(f"{file}, line {number}: {error}") from error
                if not isinstance(entry, dict):
                    raise RefusedError(f"{file}, line {number}: not an entry of `gateway cache export`")
                yield entry
    except OSError as error:
        raise RefusedError(f"{file} cannot be read: {error.strerror}") from error


@contextmanager
def _written(file: Path) -> Iterator[IO[bytes]]:
    """The file, readable by its owner only; it is not there where it could not be written to its end."""
    if str(file) == "-":
        yield sys.stdout.buffer
        return
    part = file.with_name(f"{file.name}.part")
    try:
        with open(part, "wb", opener=_private) as out:
            yield out
        part.replace(file)
    except OSError as error:
        raise RefusedError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _progress(title: str) -> Iterator[Any]:
    """A bar on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _done, _of: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as screen:
        task = screen.add_task(title, total=None)
        yield lambda done, of: screen.update(task, completed=done, total=of)
