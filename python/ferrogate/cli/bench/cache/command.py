"""The command: options, the table, and the pairs that were decided wrongly."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from ferrogate.cli.bench.balance.tables import plain_or_rich, table
from ferrogate.cli.bench.cache.outcome import PROFILES, Judged, Row, judged_pairs, rows, totals
from ferrogate.cli.bench.cache.pairs import read_pairs
from ferrogate.cli.bench.results import write
from ferrogate.cli.bench.screen import steps_screen
from ferrogate.engine.semantic import Embedder, weights_folder
from ferrogate.terminal import printable, printable_json

__all__ = ["EPILOG", "cache"]

EPILOG = (
    "Examples: gateway bench cache --pairs pairs.jsonl  |  "
    "gateway bench cache --pairs pairs.jsonl --profile recall --wrong  |  "
    "gateway bench cache --pairs pairs.jsonl --threshold 0.85 --json | jq .totals"
)


def cache(
    pairs: Annotated[
        Path, typer.Option("--pairs", help='Lines such as {"a": ..., "b": ..., "label": 1, "kind": ...}.')
    ],
    profile: Annotated[
        str, typer.Option("--profile", help="precise (0.80) or recall (0.75), as in cache.semantic.profile.")
    ] = "precise",
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", min=-1, max=1, help="The least cosine; wins over --profile."),
    ] = None,
    model_folder: Annotated[
        Path | None, typer.Option("--model-folder", help="Folder of all-MiniLM-L6-v2; else the package's.")
    ] = None,
    hashed: Annotated[
        bool, typer.Option("--hashed", help="Without weights: words alone, to see it work.")
    ] = False,
    wrong: Annotated[
        bool, typer.Option("--wrong", help="List the pairs that were decided against their label, too.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write everything to this JSON file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Show what the semantic cache would serve among labelled pairs: by kind, before and after the guard.

    The embedder and the guard are the engine's own. A pair is served where the cosine of its texts reaches
    the threshold and no rule of the guard forbids it.
    """
    if profile not in PROFILES:
        raise typer.BadParameter(f"{profile!r}: choose from {', '.join(PROFILES)}", param_hint="--profile")
    if hashed and model_folder is not None:
        raise typer.BadParameter("give one of --hashed and --model-folder", param_hint="--hashed")
    least = PROFILES[profile] if threshold is None else threshold
    given = read_pairs(pairs)
    embedder = Embedder.hashed() if hashed else Embedder(weights_folder(model_folder))
    with steps_screen(Console(stderr=True), f"embedding {len(given)} pairs") as progress:
        judged = judged_pairs(given, embedder, progress)
    found = rows(judged, least)
    mistakes = [one for one in judged if one.served(least) != one.pair.same]
    result = _document(embedder.id, None if threshold is not None else profile, least, found, mistakes)
    if out:
        write(out, result)
    if as_json:
        typer.echo(printable_json(json.dumps(result, ensure_ascii=False)))
        return
    console = plain_or_rich()
    _show(console, found, f"{embedder.id}, least cosine {least:g}")
    if wrong:
        _show_mistakes(console, mistakes)


def _document(
    model: str, profile: str | None, threshold: float, found: Sequence[Row], mistakes: Sequence[Judged]
) -> dict[str, Any]:
    return {
        "model": model,
        "profile": profile,
        "threshold": threshold,
        "totals": totals(found),
        "kinds": [
            {
                "kind": row.kind,
                "label": row.label,
                "pairs": row.pairs,
                "near": row.near,
                "served": row.served,
                "vetoes": dict(row.vetoes.most_common()),
            }
            for row in found
        ],
        "wrong": [
            {**one.pair.model_dump(), "cosine": one.cosine and round(one.cosine, 4), "veto": one.veto}
            for one in mistakes
        ],
    }


def _show(console: Console, found: Sequence[Row], title: str) -> None:
    made = table(console, title, ["kind", "label", "pairs", "near", "served", "served %", "vetoes"])
    made.columns[-1].justify = "left"
    for row in found:
        share = f"{100 * row.served / row.pairs:.1f}"
        counts = (str(count) for count in (row.label, row.pairs, row.near, row.served))
        made.add_row(Text(printable(row.kind) or "-"), *counts, share, _vetoes(row.vetoes))
    console.print(made)
    for name, total in totals(found).items():
        console.print(
            f"{name.replace('_', ' ')}: {total['served_percent']:.1f} % served "
            f"({total['served']} of {total['pairs']}; {total['near_percent']:.1f} % near enough)"
        )


def _vetoes(vetoes: Counter[str]) -> str:
    return ", ".join(f"{rule} {count}" for rule, count in vetoes.most_common())


def _show_mistakes(console: Console, mistakes: Sequence[Judged]) -> None:
    made = table(console, "decided against their label", ["label", "cosine", "veto", "a", "b"])
    for column in made.columns[2:]:
        column.justify = "left"
    for one in mistakes:
        near = "too long" if one.cosine is None else f"{one.cosine:.3f}"
        texts = (Text(printable(text)) for text in (one.pair.a, one.pair.b))
        made.add_row(str(one.pair.label), near, one.veto or "-", *texts)
    console.print(made)
