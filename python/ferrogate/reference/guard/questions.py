"""What a text asks for: a manner, a place, a time, a reason, a person, a quantity, or yes or no."""

from __future__ import annotations

from typing import Final

from ferrogate.reference.guard.pair import Pair
from ferrogate.reference.guard.text import Word
from ferrogate.reference.guard.words import AUXILIARIES, COST, MEASURES, SYNONYMS

__all__ = ["question"]

_LIGHT: Final = frozenset(("get", "go", "take", "use", "work"))
_NOT_YES_OR_NO: Final = frozenset(("who", "when", "where", "why", "quantity"))
_AFTER_WHAT: Final = {
    **dict.fromkeys(("time", "date", "day", "year"), "when"),
    **dict.fromkeys(("causes", "cause", "reason"), "why"),
    **dict.fromkeys(("happens", "happen", "happened"), "outcome"),
}


def question(pair: Pair) -> bool:
    """Whether the texts ask for different things."""
    does_a, does_b = _light(pair.a.words), _light(pair.b.words)
    if does_a and does_b and does_a != does_b:
        return True
    a, b = _asked(pair.a.words), _asked(pair.b.words)
    if a and b:
        return not (a & b or (a | b) >= {"how", "where"})
    counted_a, counted_b = _counted(pair.a.words), _counted(pair.b.words)
    if counted_a and counted_b and counted_a != counted_b:
        return True
    return bool(
        (b & _NOT_YES_OR_NO and _yes_or_no(pair.a.words)) or (a & _NOT_YES_OR_NO and _yes_or_no(pair.b.words))
    )


def _asked(words: list[Word]) -> set[str]:
    asked = set()
    for at, word in enumerate(words):
        after = words[at + 1].text if at + 1 < len(words) else ""
        after = SYNONYMS.get(after, after)
        if word.text == "how":
            asked.add("quantity" if after in ("much", "many") else after if after in MEASURES else "how")
        elif word.text == "why":
            asked.add("why")
        elif word.opens and word.text in ("who", "whom", "whose"):
            asked.add("who")
        elif word.opens and word.text in ("when", "where") and (after in AUXILIARIES or not after):
            asked.add(word.text)
        elif word.opens and word.text in ("what", "which") and after in _AFTER_WHAT:
            asked.add(_AFTER_WHAT[after])
    if not asked and not _yes_or_no(words) and any(word.text in COST for word in words):
        asked.add("quantity")
    return asked


def _light(words: list[Word]) -> str:
    """Return the verb of "do I get", where it is one that counts as grammar elsewhere."""
    for at in range(len(words) - 2):
        is_asked = words[at].text in AUXILIARIES and words[at + 1].text in ("i", "you", "we", "one")
        if is_asked and words[at + 2].text in _LIGHT:
            return words[at + 2].text
    return ""


def _yes_or_no(words: list[Word]) -> bool:
    return any(word.opens and word.text in AUXILIARIES for word in words)


def _counted(words: list[Word]) -> str:
    """Return what "how many" counts."""
    for at in range(len(words) - 2):
        if words[at].text == "how" and words[at + 1].text in ("much", "many"):
            return words[at + 2].key
    return ""
