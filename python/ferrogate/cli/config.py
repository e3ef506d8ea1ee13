"""``gateway config``: check gateway.yaml, show what is in force, print the JSON Schema."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from ferrogate.config import Problem, check_config, find_config
from ferrogate.engine.compile import compile_snapshot
from ferrogate.engine.describe import describe
from ferrogate.engine.effective import Effective, Stored, check_merge
from ferrogate.engine.hooking import routes_of
from ferrogate.engine.schema import gateway_schema
from ferrogate.errors import FerrogateError
from ferrogate.hooks.load import HookLoader
from ferrogate.providers.registry import Registry
from ferrogate.terminal import printable, printable_json

__all__ = ["app"]

app = typer.Typer(
    name="config",
    help="Check gateway.yaml, show what is in force, print its JSON Schema.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)

_File = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The file; default: GATEWAY_CONFIG, or ./gateway.yaml.", metavar="FILE"
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(
    epilog="Examples:\n\ngateway config check\n\ngateway config check -c deploy/gateway.yaml --json",
)
def check(config: _File = None, as_json: _Json = False) -> None:
    """Validate the configuration: every problem with line and column; exit code 1 where there is one."""
    path = find_config(config)
    effective, problems = _read(path, Stored())
    if as_json:
        warnings = list(effective.warnings) if effective else []
        _print_json(
            {"ok": not problems, "problems": [_as_data(item) for item in problems], "warnings": warnings}
        )
    else:
        for problem in problems:
            typer.echo(printable(str(problem), lines=True), err=True)
        for warning in effective.warnings if effective else ():
            typer.echo(f"warning: {printable(warning)}", err=True)
        if effective and not problems:
            typer.echo(f"{path or 'the environment'} is valid: {_summary(effective)}")
    raise typer.Exit(1 if problems else 0)


@app.command(
    epilog="Examples:\n\ngateway config show\n\ngateway config show --all\n\n"
    "gateway config show --json | jq .providers",
)
def show(
    config: _File = None,
    data: Annotated[Path | None, typer.Option("--data", help="The data folder.", metavar="FOLDER")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also defaults, and providers nobody configured.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Print the effective configuration: secrets masked, every value with the one who said it."""
    path = find_config(config)
    overrides = {"server.data": None if data is None else str(data)}
    effective, problems = _read(path, None, overrides)
    if effective is None or problems:
        for problem in problems:
            typer.echo(printable(str(problem), lines=True), err=True)
        raise typer.Exit(1)
    described = describe(effective)
    if as_json:
        _print_json(described)
        return
    for warning in effective.warnings:
        typer.echo(f"warning: {printable(warning)}", err=True)
    typer.echo("\n".join(map(printable, _lines(described, every))))


@app.command(
    epilog="Examples:\n\ngateway config schema > gateway.schema.json\n\n"
    "and at the top of gateway.yaml: # yaml-language-server: $schema=gateway.schema.json",
)
def schema() -> None:
    """Print the JSON Schema of gateway.yaml, by which editors complete and check it."""
    _print_json(gateway_schema(Registry.load()))


def _read(
    path: Path | None, stored: Stored | None, overrides: dict[str, Any] | None = None
) -> tuple[Effective | None, list[Problem | str]]:
    """Read, merge and compile; ``stored`` None reads the data folder, where there is one."""
    registry = Registry.load()
    file, problems = check_config(path, overrides, kinds=registry.options())
    if file is None:
        return None, list(problems)
    try:
        below = _read_store(Path(file.server.data)) if stored is None else stored
        effective, problems = check_merge(file, os.environ, below, registry)
        if not problems:
            # A check runs the hooks' modules, as a start would; what only shows does not.
            routes = routes_of(effective.hooks, effective.aliases)
            hooks = None if stored is None else HookLoader().load(routes)
            compile_snapshot(effective, registry, hooks=hooks)
    except FerrogateError as error:
        return None, [str(error)]
    return effective, list(problems)


def _read_store(folder: Path) -> Stored:
    """Read what the data folder says, without making one."""
    from ferrogate.services.configuration import stored_part
    from ferrogate.store import DATABASE_NAME, open_store

    if not (folder / DATABASE_NAME).is_file():
        return Stored()
    store = open_store(folder, os.environ)
    try:
        with store.database.read() as connection:
            return stored_part(store, connection)
    finally:
        store.close()


def _as_data(problem: Problem | str) -> dict[str, Any]:
    if isinstance(problem, str):
        return {"message": problem}
    place = problem.place
    return {"place": str(place), "line": place.line, "column": place.column, "message": str(problem)}


def _summary(effective: Effective) -> str:
    providers = sum(entry.configured for entry in effective.providers)
    counts = ((providers, "provider"), (len(effective.keys), "key"), (len(effective.aliases), "alias"))
    return ", ".join(f"{count} {word if count == 1 else _plural(word)}" for count, word in counts)


def _plural(word: str) -> str:
    return f"{word}es" if word.endswith("s") else f"{word}s"


def _print_json(value: Any) -> None:
    typer.echo(printable_json(json.dumps(value, indent=2, ensure_ascii=False)))


def _lines(described: dict[str, Any], every: bool) -> list[str]:
    """Write YAML with the sources as comments; but for the masks it could be written into gateway.yaml."""
    lines: list[str] = []
    above: list[str] = []
    for name, setting in described["settings"].items():
        if setting["source"] == "default" and not every:
            continue
        *sections, inner = name.split(".")
        for depth, section in enumerate(sections):
            if above[: depth + 1] != sections[: depth + 1]:
                lines.append(f"{'  ' * depth}{section}:")
        above = sections
        written = f"{'  ' * len(sections)}{inner}: {json.dumps(setting['value'])}"
        lines.append(_commented(written, setting["origin"]))
    providers = [provider for provider in described["providers"] if provider["configured"] or every]
    lines += ["providers:"] if providers else ["providers: {}"]
    for provider in providers:
        lines += _provider_lines(provider)
    if described["models"]:
        lines.append("models:")
    for alias in described["models"]:
        written = f"  {json.dumps(alias['name'])}: {json.dumps(_alias(alias))}"
        lines.append(_commented(written, alias["origin"] or alias["source"]))
    return lines


def _alias(alias: dict[str, Any]) -> Any:
    """Return the short form of an alias that says nothing beside its targets, else the long one."""
    targets = [target["target"] if target["weight"] is None else target for target in alias["targets"]]
    said = _said({name: alias[name] for name in ("log", "hedge", "cache", "affinity")})
    return {"targets": targets, **said} if said else targets


def _said(section: dict[str, Any]) -> dict[str, Any]:
    """Return a section without what is left to the top level."""
    found = {name: _said(value) if isinstance(value, dict) else value for name, value in section.items()}
    return {name: value for name, value in found.items() if value is not None and value != {}}


def _provider_lines(provider: dict[str, Any]) -> list[str]:
    lines = [_commented(f"  {provider['name']}:", provider["origin"] or provider["source"])]
    shown = {
        name: provider[name]
        for name in ("kind", "base_url", "query", "headers", "timeouts")
        if provider[name]
    }
    for name, value in {**shown, **provider["options"]}.items():
        lines.append(f"    {name}: {json.dumps(value)}")
    lines += ["    keys:"] if provider["keys"] else []
    for key in provider["keys"]:
        fields = {name: key[name] for name in ("name", "value", "weight", "models", "enabled")}
        lines.append(_commented(f"      - {json.dumps(fields)}", key["origin"] or key["source"]))
    return lines


def _commented(text: str, comment: str) -> str:
    return f"{text}  # {comment}"
