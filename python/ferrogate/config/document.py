"""YAML text to plain data, with the place of every key and value.

The scalars are those of YAML 1.2: ``off``, ``no`` and ``1:30`` are text, as their writer meant. A key that
stands twice is an error. Anchors and ``<<`` work; tags do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from ferrogate.config.places import Location, Place, Places, Problem

__all__ = ["parse"]

_TAG = "tag:yaml.org,2002:"
_MOST_NODES = 100_000
_LONGEST_NUMBER = 40


class _Loader(yaml.SafeLoader):
    """Composes nodes; the scalars' tags follow YAML 1.2's core schema."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - the class attribute that PyYAML reads


for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"(?:{_pattern})\\Z"), _first)


class _Reader:
    """Walks the node tree once."""

    def __init__(self, label: str) -> None:
        self.places = Places(label)
        self.problems: list[Problem] = []
        self._nodes = 0
        self._open: set[int] = set()

    def place(self, node: yaml.Node) -> Place:
        mark = node.start_mark
        return Place("file", self.places.label, mark.line + 1, mark.column + 1)

    def refuse(self, node: yaml.Node, location: Location, sentence: str) -> None:
        self.problems.append(Problem(self.place(node), location, sentence))

    def value(self, node: yaml.Node, location: Location) -> Any:
        self.places.values.setdefault(location, self.place(node))
        self._nodes += 1
        if self._nodes > _MOST_NODES or id(node) in self._open:
            if self._nodes <= _MOST_NODES or self._nodes == _MOST_NODES + 1:
                self.refuse(
                    node, location, "refers to itself or grows without end; write it out instead of an anchor"
                )
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, location)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
                return [self.value(child, (*location, index)) for index, child in enumerate(node.value)]
            if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
                return self._mapping(node, location)
        finally:
            self._open.discard(id(node))
        self.refuse(node, location, f"has the tag {node.tag}, which is not supported; remove it")
        return None

    def _scalar(self, node: yaml.ScalarNode, location: Location) -> Any:
        text: str = node.value
        match node.tag.removeprefix(_TAG):
            case "str" | "merge":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                if len(text) <= _LONGEST_NUMBER:
                    return int(text, {"0x": 16, "0o": 8}.get(text[:2], 10))
                self.refuse(node, location, "is too long for a number; write it in quotes if it is text")
                return None
            case "float":
                return float(text)
        self.refuse(node, location, f"has the tag {node.tag}, which is not supported; remove it")
        return None

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, child in node.value:
            if key.tag == f"{_TAG}merge":
                continue
            if not (isinstance(key, yaml.ScalarNode) and key.tag.startswith(_TAG)):
                self.refuse(key, location, "has a key that is not text; write a name before the colon")
                continue
            name: str = key.value
            inner = (*location, name)
            if name in result:
                first = self.places.keys[inner]
                self.refuse(key, inner, f"stands twice, first in line {first.line}; remove one")
                continue
            self.places.keys[inner] = self.place(key)
            result[name] = self.value(child, inner)
        for key, child in node.value:
            if key.tag == f"{_TAG}merge":
                for source in self._merged(child, location):
                    for name, value in source.items():
                        result.setdefault(name, value)
        return result

    def _merged(self, node: yaml.Node, location: Location) -> Iterator[dict[str, Any]]:
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(source, yaml.MappingNode) or id(source) in self._open:
                self.refuse(
                    source, location, "merges something that is not a mapping; write <<: *name of an anchor"
                )
                continue
            value = self.value(source, location)
            if isinstance(value, dict):
                yield value


def parse(text: str, label: str) -> tuple[Any, Places, list[Problem]]:
    """Return data (None where there is none), places, and what is wrong with the YAML itself."""
    reader = _Reader(label)
    try:
        node = yaml.compose(text, Loader=_Loader)
        data = None if node is None else reader.value(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place("file", label, mark.line + 1, mark.column + 1) if mark else Place("file", label)
        return None, reader.places, [Problem(place, (), _explained(error))]
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - (text.rfind("\n", 0, error.position) + 1) + 1
        sentence = f"character U+{ord(text[error.position]):04X} may not stand in YAML; remove it"
        return None, reader.places, [Problem(Place("file", label, line, column), (), sentence)]
    except RecursionError:
        return None, reader.places, [Problem(Place("file", label), (), "is nested too deeply")]
    return data, reader.places, reader.problems


def _explained(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "cannot be read"
    if r"'\t'" in problem:
        return "a tab begins this part; YAML is indented with spaces"
    if "mapping values are not allowed" in problem:
        return "a second colon in one line; put the text in quotes, or move the key to a line of its own"
    if "expected a single document" in problem or "but found another document" in problem:
        return "a second document begins here; keep one, and remove ---"
    if "undefined alias" in problem:
        return f"{problem}; define it before with &name"
    context = f" {error.context}" if error.context else ""
    return f"this is not valid YAML{context}: {problem}; check the indentation, brackets and quotes here"
