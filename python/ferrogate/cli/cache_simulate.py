"""``gateway cache simulate``: what a cache would have served of the requests in the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ferrogate.cli.control import DataOption, JsonOption, print_json, reach, reported
from ferrogate.terminal import printable

if TYPE_CHECKING:
    from rich.console import Console

    from ferrogate.services.replay import Lookalike, Replayed, Request, Tally

__all__ = ["EPILOG", "simulate"]

EPILOG = (
    "Examples:\n\ngateway cache simulate --since 24h\n\n"
    "gateway cache simulate --model faq --threshold 0.8 --threshold 0.85 --ttl 10m\n\n"
    "gateway cache simulate --from log.jsonl --json | jq .thresholds"
)
_USUAL = (0.75, 0.80, 0.85, 0.90)
_PAGE = 140


def simulate(
    file: Annotated[
        Path | None,
        typer.Option("--from", help="Lines of `gateway logs --json` with `request`, the body; else the log."),
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="A time, or an age such as 24h.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="As asked, or as sent.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="The newest requests of the log.")
    ] = 5_000,
    threshold: Annotated[
        list[float] | None, typer.Option("--threshold", min=0, max=1, help="A least cosine; repeatable.")
    ] = None,
    ttl: Annotated[str, typer.Option("--ttl", help="How long an answer is fresh, such as 10m.")] = "1h",
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", help="A member that makes no difference; repeatable.")
    ] = None,
    examples: Annotated[int, typer.Option("--examples", min=0, help="Pairs to show of each sort.")] = 5,
    model_folder: Annotated[
        Path | None, typer.Option("--model-folder", help="Folder of all-MiniLM-L6-v2; else the package's.")
    ] = None,
    hashed: Annotated[bool, typer.Option("--hashed", help="Without weights: words alone.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay the log on caches that were not there: hits, tokens saved, and pairs to judge.

    Reads requests whose bodies were kept (log.payloads), in the order of their time, by tenant and scope.
    Nothing is sent and nothing is changed.
    """
    from rich.console import Console

    from ferrogate.cli.bench.screen import steps_screen
    from ferrogate.config.quantities import duration_ms
    from ferrogate.engine.semantic import Embedder, weights_folder
    from ferrogate.services.replay import Settings, replay

    try:
        settings = Settings(tuple(sorted(set(threshold or _USUAL))), duration_ms(ttl), tuple(ignore or ()))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--ttl") from error
    screen = Console(stderr=True)
    with reported():
        embedder = Embedder.hashed() if hashed else Embedder(weights_folder(model_folder))
        requests = _requests(file, {"since": since, "model": model}, limit, data, screen)
        with steps_screen(screen, f"replaying {len(requests):,} requests") as progress:
            told = replay(requests, embedder, settings, progress)
    if as_json:
        print_json(_document(told, settings.ttl_ms, examples))
        return
    console = Console(highlight=False)
    _show(console if console.is_terminal else Console(highlight=False, width=_PAGE), told, examples)


def _requests(
    file: Path | None, asked: Mapping[str, str | None], limit: int, data: Path | None, screen: Console
) -> list[Request]:
    from ferrogate.cli.bench.screen import steps_screen
    from ferrogate.cli.cache_log import from_file, from_log

    given = {name: value for name, value in asked.items() if value is not None}
    if file is not None:
        if given:
            raise typer.BadParameter("filters are for the log; a file is read whole", param_hint="--from")
        return from_file(file)
    with reach(data) as control, steps_screen(screen, "reading the log") as progress:
        return from_log(control, given, limit, progress)


def _document(told: Replayed, ttl_ms: int, examples: int) -> dict[str, Any]:
    return {
        "model": told.model,
        "ttl_ms": ttl_ms,
        "requests": told.requests,
        "skipped": dict(told.skipped.most_common()),
        "exact_only": _tally(told.only_exact),
        "thresholds": [{"threshold": least, **_tally(tally)} for least, tally in told.tallies.items()],
        "served": [pair._asdict() for pair in _doubtful(told)[:examples]],
        "vetoed": [pair._asdict() for pair in _nearest(told)[:examples]],
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "exact_hits": tally.exact,
        "semantic_hits": tally.semantic,
        "vetoed": tally.vetoed,
        "tokens_saved": {"input": tally.input_tokens, "output": tally.output_tokens},
    }


def _doubtful(told: Replayed) -> list[Lookalike]:
    """Return what would have been served, the least alike first."""
    return sorted(told.served.values(), key=lambda pair: pair.cosine)


def _nearest(told: Replayed) -> list[Lookalike]:
    """Return what the guard forbade, the most alike first."""
    return sorted(told.vetoed.values(), key=lambda pair: -pair.cosine)


def _show(console: Console, told: Replayed, examples: int) -> None:
    from rich.table import Table

    took_part = told.requests - told.skipped.total()
    console.print(f"{told.requests:,} requests, {took_part:,} of a kind that is kept ({told.model})")
    for reason, count in told.skipped.most_common():
        console.print(f"  {count:,} left out: {printable(reason)}")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in (
        "least cosine",
        "exact hits",
        "semantic hits",
        "hit rate",
        "vetoed",
        "tokens in",
        "tokens out",
    ):
        table.add_column(title, justify="right")
    rows = [
        ("exact only", told.only_exact),
        *((f"{least:g}", tally) for least, tally in told.tallies.items()),
    ]
    for title, tally in rows:
        hits = tally.exact + tally.semantic
        rate = f"{hits / took_part:.1%}" if took_part else "-"
        counts = (tally.vetoed, tally.input_tokens, tally.output_tokens)
        table.add_row(title, f"{tally.exact:,}", f"{tally.semantic:,}", rate, *(f"{one:,}" for one in counts))
    console.print(table)
    _show_pairs(console, "would have been served, the least alike first", _doubtful(told)[:examples])
    _show_pairs(console, "forbidden by the guard, the most alike first", _nearest(told)[:examples])


def _show_pairs(console: Console, title: str, pairs: Iterable[Lookalike]) -> None:
    from rich.text import Text

    for number, pair in enumerate(pairs):
        if not number:
            console.print(Text(title, style="bold"))
        rule = f"  ({pair.veto})" if pair.veto else ""
        console.print(Text(f"  {pair.cosine:.3f}{rule}"))
        console.print(Text(f"    asked: {_line(pair.asked)}"))
        console.print(Text(f"    kept:  {_line(pair.kept)}"))


def _line(text: str) -> str:
    return printable(text.replace("\n", " "))
