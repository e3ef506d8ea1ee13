"""Names that lead out of the path they are put into, in every spelling that some server undoes."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

__all__ = ["climbs"]

_ROUNDS: Final = 3
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SEPARATORS: Final = re.compile(r"[/\\]")


def climbs(name: str) -> bool:
    """Whether a segment is ``.`` or ``..``, or a character is a control one, as it stands or once decoded."""
    for _ in range(_ROUNDS):
        segments = (segment.partition(";")[0] for segment in _SEPARATORS.split(name))
        if _CONTROL.search(name) or any(segment in (".", "..") for segment in segments):
            return True
        decoded = unquote(name)
        if decoded == name:
            return False
        name = decoded
    return True
