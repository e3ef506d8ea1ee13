"""Labelled pairs of texts, as lines of JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ferrogate.errors import FerrogateError

__all__ = ["Pair", "PairsError", "read_pairs"]


class PairsError(FerrogateError):
    """The file holds something else than pairs; the text names the line."""


class Pair(BaseModel):
    """Two texts, whether one's answer may serve the other (``label`` 1), and what makes that hard to tell."""

    model_config = ConfigDict(frozen=True, strict=True)

    a: str
    b: str
    label: int
    kind: str = ""

    @property
    def same(self) -> bool:
        """Whether the texts ask for one thing."""
        return self.label == 1


def read_pairs(path: Path) -> list[Pair]:
    """Read a file with one object a line: ``a``, ``b``, ``label`` (0 or 1) and ``kind``.

    Raises:
        PairsError: it cannot be read, or holds something else.

    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PairsError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise PairsError(f"{path} is no UTF-8: write one JSON object a line") from error
    pairs = list(_pairs(path, text))
    if not pairs:
        raise PairsError(f"{path} holds no pair: write one JSON object a line")
    return pairs


def _pairs(path: Path, text: str) -> Iterator[Pair]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            pair = Pair.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            said = f"{where}: {first['msg']}" if where else first["msg"]
            raise PairsError(f"{path}, line {number}: {said}; {_SHAPE}") from error
        if pair.label not in (0, 1):
            raise PairsError(f"{path}, line {number}: label is {pair.label}; it is 0 or 1")
        yield pair


_SHAPE = 'a line is {"a": "...", "b": "...", "label": 0, "kind": "neg_number"}'
