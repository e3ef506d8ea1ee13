"""What the compiled engine does with texts: embedding, the guard's verdict, nearest vectors, a request's key.

The engine uses the same code on its path; these calls are for tools that look at it from outside. A vector
is bytes: 384 numbers of four bytes, of length one, or all zeros where a text has nothing to embed.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

from ferrogate.engine.facade import _core, _mapped

__all__ = ["Embedder", "Neighbours", "RequestKey", "asked", "cosine", "judge", "request_key"]


class Embedder:
    """Texts to vectors.

    Args:
        folder: config.json, tokenizer.json and the weights, as ``weights_folder`` finds them.

    Raises:
        EngineError: a file is not what the model needs; the text names it.

    """

    def __init__(self, folder: Path) -> None:
        with _mapped():
            self._embedder = _core().Embedder(str(folder))

    @classmethod
    def hashed(cls) -> Self:
        """Return a stand-in without weights, which knows shared words and nothing of meaning."""
        made = cls.__new__(cls)
        made._embedder = _core().Embedder.hashed()
        return made

    @property
    def id(self) -> str:
        """Model and hash: vectors of two ids must not be compared."""
        return str(self._embedder.id)

    def embed(self, texts: Sequence[str]) -> list[bytes | None]:
        """Return the vector of each text; None where it is longer than the model reads."""
        with _mapped():
            return list(self._embedder.embed(list(texts)))


class Neighbours:
    """Vectors by scope, searched as the engine searches them."""

    def __init__(self) -> None:
        self._index = _core().Neighbours()

    def insert(self, scope: bytes, number: int, vector: bytes) -> None:
        """Keep a vector in a scope; one of that number there is replaced. Raises EngineError for zeros."""
        with _mapped():
            self._index.insert(scope, number, vector)

    def remove(self, scope: bytes, number: int) -> bool:
        """Take one out; whether it was there."""
        with _mapped():
            return bool(self._index.remove(scope, number))

    def search(self, scope: bytes, vector: bytes, most: int) -> list[tuple[int, float]]:
        """Return number and cosine of the nearest ones of a scope, the nearest first."""
        with _mapped():
            return list(self._index.search(scope, vector, most))


class RequestKey(NamedTuple):
    """What a request is known by: equal ones share ``key``, those of another ``text`` alone ``scope``."""

    key: bytes
    scope: bytes
    text: str | None


def request_key(
    body: bytes, *, tenant: str, path: str, ignored: Sequence[str] = (), beside: Sequence[str] = ()
) -> RequestKey | str:
    """Return what a body that was posted to ``path`` is known by, or the reason why it is not cached.

    Raises:
        EngineError: ``ignored`` names a member that must count.

    """
    with _mapped():
        why, known = _core().request_key(body, tenant, path, list(ignored), list(beside))
    return str(why) if known is None else RequestKey(*known)


def judge(a: str, b: str) -> str | None:
    """Return the name of the rule that forbids to serve one text's answer for the other; None accepts."""
    rule: str | None = _core().guard_judge(a, b)
    return rule


def asked(text: str) -> str:
    """Return what of a text is embedded: without courtesies, in the frame that all share."""
    return str(_core().wording_asked(text))


def cosine(one: bytes, two: bytes) -> float:
    """Return the cosine of two vectors."""
    numbers = f"<{len(one) // 4}f"
    pairs = zip(struct.unpack(numbers, one), struct.unpack(numbers, two), strict=True)
    return math.fsum(a * b for a, b in pairs)
