"""Whether one text's answer may be served for another, the twin of ``ferrogate_core::cache::guard``.

``tests/golden/guard.jsonl`` holds both to the same verdict and rule, ``tests/golden/guard_words.json``
to the same word tables.
"""

from __future__ import annotations

from ferrogate.reference.guard.pair import Pair
from ferrogate.reference.guard.rules import RULES, Rule
from ferrogate.reference.guard.text import Text, plain

__all__ = ["Rule", "judge"]

_LONGEST = 256


def judge(one: str, two: str) -> Rule | None:
    """Return the rule that forbids to serve the answer of one text for the other; None accepts.

    Symmetrical. A text over 256 words is not judged unless it is the other one but for case, white space
    and final punctuation.
    """
    plain_one, plain_two = plain(one), plain(two)
    if plain_two < plain_one:
        one, two = two, one
    a, b = Text.read(one), Text.read(two)
    if any(not (text.words or text.symbols or text.foreign) for text in (a, b)):
        return Rule.NO_WORDS
    if plain_one == plain_two:
        return None
    if a.foreign or b.foreign:
        return Rule.SCRIPT
    if not a.words or not b.words:
        return Rule.NO_WORDS
    if max(len(a.words), len(b.words)) > _LONGEST:
        return Rule.TOO_LONG
    pair = Pair(a, b)
    return next((rule for rule, forbids in RULES if forbids(pair)), None)
