"""pydantic's errors as sentences with a place, the key's nearest name, and what to write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ferrogate.config.base import written_name
from ferrogate.config.places import Location, Places, Problem

__all__ = ["find_problems", "unknown_key"]

_SENTENCES = {
    "missing": "is missing",
    "string_type": "must be text; write it in quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "is longer than {max_length} characters",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must hold keys and values, one `name: value` a line below it",
    "model_type": "must hold keys and values, one `name: value` a line below it",
    "model_attributes_type": "must hold keys and values, one `name: value` a line below it",
    "tuple_type": "must be a list; write [a, b], or one `- item` a line below it",
    "list_type": "must be a list; write [a, b], or one `- item` a line below it",
    "too_short": "must have at least one entry",
    "literal_error": "must be one of {expected}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than_equal": "must be at most {le}",
}


def unknown_key(name: str, known: Iterable[str]) -> str:
    """Return the sentence about a key that nobody knows."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    return "is not known here; " + (f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}")


def find_problems(error: ValidationError, model: type[BaseModel], places: Places) -> list[Problem]:
    """One problem for each of pydantic's errors, in the order of the file."""
    items = error.errors(include_url=False, include_input=False)
    found = [_problem(item, model, places) for item in items if not _follows(item, items)]
    return sorted(found, key=lambda problem: (problem.place.line, problem.place.column))


def _follows(item: Mapping[str, Any], items: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a list is only too short because its entries are wrong, which they say themselves."""
    location: Location = item["loc"]
    return item["type"] == "too_short" and any(
        len(other["loc"]) > len(location) and other["loc"][: len(location)] == location for other in items
    )


def _problem(item: Mapping[str, Any], model: type[BaseModel], places: Places) -> Problem:
    location: Location = item["loc"]
    kind: str = item["type"]
    if location and location[-1] == "[key]":
        location = location[:-1]
        return Problem(places.key(location), location, _sentence(kind, item))
    if kind == "extra_forbidden":
        known = _names_at(model, location[:-1])
        return Problem(places.key(location), location, unknown_key(str(location[-1]), known))
    return Problem(places.value(location), location, _sentence(kind, item))


def _sentence(kind: str, item: Mapping[str, Any]) -> str:
    context = item.get("ctx", {})
    if kind == "value_error":
        return str(context.get("error", item["msg"]))
    template = _SENTENCES.get(kind)
    return template.format(**context) if template else f"is not accepted: {item['msg']}"


def _names_at(model: type[BaseModel], location: Location) -> list[str]:
    """Return the keys that may stand at a location, as they are written."""
    here: Any = model
    for part in location:
        if isinstance(here, type) and issubclass(here, BaseModel):
            attribute = next((name for name in here.model_fields if written_name(here, name) == part), None)
            here = here.model_fields[attribute].annotation if attribute else None
        else:
            here = _model_in(here)
            if isinstance(part, int) or here is None:
                continue
        here = here if _is_container(here) else _model_in(here)
    found = _model_in(here)
    return [written_name(found, name) for name in found.model_fields] if found else []


def _is_container(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) in (dict, tuple, list)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the model in ``dict[str, Model]``, ``tuple[Model, ...]`` or ``Annotated[Model, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in reversed(get_args(annotation)):
        if found := _model_in(argument):
            return found
    return None
