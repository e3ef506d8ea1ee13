"""Reading the configuration: file, then environment over it, then flags over that; all errors at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ferrogate.config.base import written_name
from ferrogate.config.document import parse
from ferrogate.config.environment import VARIABLES, read_environment
from ferrogate.config.later import take_later
from ferrogate.config.models import GatewayConfig, ProviderSection
from ferrogate.config.places import Location, Place, Places, Problem
from ferrogate.config.problems import find_problems, unknown_key
from ferrogate.errors import ConfigError

__all__ = ["check_config", "find_config", "load_config"]

Kinds = Mapping[str, frozenset[str]]
"""The settings that each kind of provider has of its own, by kind."""

_LARGEST_FILE = 2**20
_NAMES = ("gateway.yaml", "gateway.yml")


def find_config(path: Path | None, environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the file to read: the named one, GATEWAY_CONFIG, gateway.yaml in the working folder, or None."""
    if path is not None:
        return path
    if named := (os.environ if environ is None else environ).get("GATEWAY_CONFIG"):
        return Path(named)
    return next((Path(name) for name in _NAMES if Path(name).is_file()), None)


def load_config(
    path: Path | None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    kinds: Kinds | None = None,
) -> GatewayConfig:
    """Read, overlay and validate.

    Args:
        path: the file; None for none. It must exist.
        overrides: flags, by dotted name (``server.port``); a value of None was not given.
        environ: the environment; default: the process's.
        kinds: ``Registry.options()``; with it, providers' kinds and their own settings are checked too.

    Raises:
        ConfigError: one line a problem, each with its place and what to write.

    """
    config, problems = check_config(path, overrides, environ, kinds)
    if config is None or problems:
        raise ConfigError("\n".join(str(problem) for problem in problems))
    return config


def check_config(
    path: Path | None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    kinds: Kinds | None = None,
) -> tuple[GatewayConfig | None, list[Problem]]:
    """Like :func:`load_config`, with the problems as data. The configuration is None where there is any."""
    environ = os.environ if environ is None else environ
    data, places, problems = _read(path)
    if problems and data is None:
        return None, problems
    tree: dict[str, Any] = data or {}
    variables, warnings = read_environment(environ)
    warnings += take_later(tree, places, kinds)
    _anchor_paths(tree, path)
    for variable, text in variables.items():
        _lay_over(tree, places, VARIABLES[variable], text, Place("env", variable))
    for name, value in (overrides or {}).items():
        if value is not None:
            location = tuple(name.split("."))
            _lay_over(tree, places, location, value, Place("flag", _flag(location)))
    if kinds is not None:
        problems += _check_kinds(tree, places, kinds)
    context = {"environ": environ, "folder": path.parent if path else Path()}
    try:
        config = GatewayConfig.model_validate(tree, context=context)
    except ValidationError as error:
        problems += find_problems(error, GatewayConfig, places)
        return None, _ordered(problems)
    problems += _check_key_names(config, places)
    if problems:
        return None, _ordered(problems)
    return config.with_origin(places, tuple(warnings)), []


def _ordered(problems: list[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.place.line, problem.place.column))


def _read(path: Path | None) -> tuple[Any, Places, list[Problem]]:
    if path is None:
        return None, Places(), []
    label = str(path)

    def refuse(sentence: str) -> tuple[None, Places, list[Problem]]:
        return None, Places(label), [Problem(Place("file", label), (), sentence)]

    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        return refuse(
            f"cannot be read ({error.strerror}); check the path given by --config or GATEWAY_CONFIG"
        )
    except UnicodeDecodeError as error:
        return refuse(f"is not UTF-8 text (byte {error.start}); save it as UTF-8")
    if len(content) > _LARGEST_FILE:
        return refuse("is larger than 1 MiB; is it the right file?")
    data, places, problems = parse(text, label)
    if data is not None and not isinstance(data, dict):
        place = places.value(())
        return (
            None,
            places,
            [*problems, Problem(place, (), "the file must hold keys and values, like `server:`")],
        )
    return data, places, problems


def _anchor_paths(tree: dict[str, Any], path: Path | None) -> None:
    """Paths in the file are relative to the file, so that it means the same from every working folder."""
    server = tree.get("server")
    if path is None or not isinstance(server, dict):
        return
    tls = server.get("tls")
    for section, name in ((server, "data"), (tls, "cert"), (tls, "key")):
        if isinstance(section, dict) and isinstance(written := section.get(name), str) and written:
            section[name] = str(path.parent / Path(written).expanduser())


def _lay_over(tree: dict[str, Any], places: Places, location: Location, value: Any, place: Place) -> None:
    here = tree
    for depth, part in enumerate(location[:-1], start=1):
        places.values.setdefault(location[:depth], place)
        inner = here.get(str(part))
        if inner is None:
            inner = here[str(part)] = {}
        if not isinstance(inner, dict):
            return  # the section itself is wrong, and its own problem says so
        here = inner
    here[str(location[-1])] = value
    for places_of in (places.values, places.keys):
        for known in [known for known in places_of if known[: len(location)] == location]:
            del places_of[known]
        places_of[location] = place


def _flag(location: Location) -> str:
    """Name the flag behind an override: ``--allowed-hosts``; ``--mock`` for the provider that it brings."""
    name = location[1] if location[0] == "providers" else location[-1]
    return f"--{str(name).replace('_', '-')}"


def _check_kinds(tree: dict[str, Any], places: Places, kinds: Kinds) -> list[Problem]:
    problems = []
    common = {written_name(ProviderSection, name) for name in ProviderSection.model_fields}
    providers = tree.get("providers")
    for name, section in providers.items() if isinstance(providers, dict) else ():
        written = section.get("kind") if isinstance(section, dict) else None
        kind = name if written is None else written
        location: Location = ("providers", name)
        if not isinstance(kind, str):
            continue  # the validation says so
        if kind not in kinds:
            near = get_close_matches(kind, kinds, n=1, cutoff=0.6)
            if written is not None:
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(kinds))}"
                problems.append(
                    Problem(places.value((*location, "kind")), (*location, "kind"), f"is not known; {hint}")
                )
                continue
            hint = f"did you mean {near[0]}? " if near else ""
            sentence = (
                f"is not a provider that ships; {hint}For a server of your own write kind: openai-compatible"
            )
            problems.append(Problem(places.key(location), location, f"{sentence} and base_url"))
        elif isinstance(section, dict):
            known = common | kinds[kind]
            for extra in section.keys() - known:
                inner = (*location, extra)
                problems.append(Problem(places.key(inner), inner, unknown_key(extra, known)))
    return problems


def _check_key_names(config: GatewayConfig, places: Places) -> list[Problem]:
    problems = []
    for provider, section in config.providers.items():
        names: set[str] = set()
        for index, key in enumerate(section.keys):
            name = key.called(index)
            if name in names:
                location: Location = ("providers", provider, "keys", index)
                problems.append(
                    Problem(places.value(location), location, f"is a second key named {name}; rename one")
                )
            names.add(name)
    return problems
