"""The rules, in the order in which they are asked; each takes a pair and says whether it forbids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import Enum
from itertools import pairwise
from typing import Final

from ferrogate.reference.guard.pair import Pair
from ferrogate.reference.guard.questions import question
from ferrogate.reference.guard.text import Text, Word, stem
from ferrogate.reference.guard.words import (
    ABSENCES,
    ANTONYMS,
    AUXILIARIES,
    FILLERS,
    INFINITIVE,
    NEGATIONS,
    OPPOSITES,
    PERIODS,
    PREFIXES,
    ROLES,
    TASKS,
    TIMES,
    UNITS,
)

__all__ = ["RULES", "Rule"]

_SHORTEST_CORE: Final = 3


class Rule(Enum):
    """Why an answer is not served; the value is its name."""

    NO_WORDS = "no_words"
    SCRIPT = "script"
    TOO_LONG = "too_long"
    NUMBER = "number"
    CODE = "code"
    PAYLOAD = "payload"
    NEGATION = "negation"
    OPPOSITE = "opposite"
    DIRECTION = "direction"
    TIME = "time"
    QUESTION = "question"
    ENTITY = "entity"
    SLOT = "slot"
    ADDITION = "addition"


def _number(pair: Pair) -> bool:
    a, b = (
        [word.key for word in text.words if word.number and word.text != "first"] for text in (pair.a, pair.b)
    )
    if sorted(key for key in a if key != "1") != sorted(key for key in b if key != "1"):
        return True
    more = a.count("1") - b.count("1")
    spelt = sum(word.text in ("one", "first") for word in (pair.b if more > 0 else pair.a).words)
    if abs(more) > spelt:
        return True
    units_a, units_b = _measured(pair.a), _measured(pair.b)
    return any(units_b.get(number, unit) != unit for number, unit in units_a.items())


def _measured(text: Text) -> dict[str, str]:
    """Return the unit of each number that has one; of a number that stands there twice the last one."""
    return {
        number.key: unit.key for number, unit in pairwise(text.words) if number.number and unit.text in UNITS
    }


def _code(pair: Pair) -> bool:
    a, b = (sorted(word.text for word in text.words if word.code) for text in (pair.a, pair.b))
    return a != b or sorted(pair.a.symbols) != sorted(pair.b.symbols)


def _texts(words: list[Word]) -> list[str]:
    return [word.text for word in words]


def _within(part: list[str], whole: list[str]) -> bool:
    return any(whole[at : at + len(part)] == part for at in range(len(whole) - len(part) + 1))


def _payload(pair: Pair) -> bool:
    a, b = pair.a, pair.b
    if a.quotes and b.quotes:
        quoted = [sorted(_texts(text.words[start:end]) for start, end in text.quotes) for text in (a, b)]
        return quoted[0] != quoted[1] or _announced(a, b)
    for text, other in ((a, b), (b, a)):
        if any(not _within(_texts(text.words[start:end]), _texts(other.words)) for start, end in text.quotes):
            return True
    return _announced(a, b)


def _announced(a: Text, b: Text) -> bool:
    """Compare what was announced: a task's text word for word, a question as any other."""
    if a.payload is not None and b.payload is not None:
        questions = a.asks and b.asks and not _is_task(a) and not _is_task(b)
        return not questions and _texts(a.words[a.payload :]) != _texts(b.words[b.payload :])
    return any(
        _is_task(text) and not _within(_texts(text.words[text.payload :]), _texts(other.words))
        for text, other in ((a, b), (b, a))
    )


def _is_task(text: Text) -> bool:
    return text.payload is not None and any(word.text in TASKS for word in text.words[: text.payload])


def _negation(pair: Pair) -> bool:
    more = _negations(pair.a.words) - _negations(pair.b.words)
    fewer = pair.b if more > 0 else pair.a
    return abs(more) > sum(word.lone and word.text in ABSENCES for word in fewer.words)


def _negations(words: list[Word]) -> int:
    """Count the negations, but for "or not" at a clause's end and "I don't know how", which add nothing."""
    count = 0
    for at, word in enumerate(words):
        ends = at + 1 == len(words) or words[at + 1].opens
        if word.text in NEGATIONS:
            adds_nothing = word.text == "not" and (
                (ends and not word.opens and words[at - 1].text == "or") or _unknown(words[at - 1 : at + 3])
            )
            count += not adds_nothing
        elif word.text == "free" and not ends and words[at + 1].text in ("of", "from"):
            count += 1
    return count


def _unknown(words: list[Word]) -> bool:
    """Whether four words say that the answer is not known: a question, and no negation in it."""
    texts = [word.text for word in words]
    return (
        len(texts) == 4
        and texts[0] in ("do", "am", "are", "be")
        and texts[2] in ("know", "sure", "understand", "certain")
        and texts[3] in ("how", "what", "when", "where", "which", "who", "why", "whether", "if")
    )


def _opposite(pair: Pair) -> bool:
    a, b = (Counter(_particles(text.words)) for text in (pair.a, pair.b))
    for one, two in OPPOSITES:
        if (a[one] - b[one]) * (a[two] - b[two]) < 0:
            return True
    lone_a, lone_b = ([word for word in text.words if word.lone] for text in (pair.a, pair.b))
    return any(_opposed(one, two) or _opposed(two, one) for one in lone_a for two in lone_b)


def _particles(words: list[Word]) -> list[str]:
    return [
        word.text
        for at, word in enumerate(words)
        if not (word.text == "to" and at and words[at - 1].text in INFINITIVE)
    ]


def _opposed(one: Word, two: Word) -> bool:
    if (one.text, two.text) in ANTONYMS or (one.key, two.key) in ANTONYMS:
        return True
    for mine, other in PREFIXES:
        if one.text.startswith(mine) and two.text.startswith(other):
            core = stem(one.text)[len(mine) :]
            if len(core) >= _SHORTEST_CORE and core == stem(two.text)[len(other) :]:
                return True
    return False


def _direction(pair: Pair) -> bool:
    roles_a, roles_b = _roles(pair.a.words), _roles(pair.b.words)
    if any(roles_b.get(key, role) != role for key, role in roles_a.items()):
        return True
    order_a, order_b = _order(pair.a.words), _order(pair.b.words)
    return (
        order_a != order_b
        and sorted(order_a) == sorted(order_b)
        and _grammar(pair.a.words) == _grammar(pair.b.words)
    )


def _grammar(words: list[Word]) -> list[str]:
    return sorted(
        word.key
        for word in words
        if not word.content and word.text not in FILLERS and word.text not in AUXILIARIES
    )


def _roles(words: list[Word]) -> dict[str, str]:
    """Return which part each word has that follows a preposition of direction; none where it has two."""
    roles: dict[str, str] = {}
    role, left = "", 0
    for word in words:
        if word.text in ROLES:
            role, left = ROLES[word.text], 2
        elif left and (word.content or word.number):
            roles[word.key] = role if roles.get(word.key, role) == role else ""
            left -= 1
        elif word.text not in FILLERS and word.text not in ("my", "your", "our", "of"):
            left = 0
    return {key: role for key, role in roles.items() if role}


def _order(words: list[Word]) -> list[str]:
    """Return the content in its order, an owner behind what is owned, both sides of "and" and "or" sorted."""
    kept = [
        word for word in words if word.content or word.number or word.text in ("and", "or", "versus", "vs")
    ]
    for at in range(len(kept) - 1):
        if kept[at].owns:
            kept[at], kept[at + 1] = kept[at + 1], kept[at]
    keys = [word.key if word.content or word.number else "" for word in kept]
    for at in range(1, len(keys) - 1):
        if not keys[at] and keys[at - 1] > keys[at + 1]:
            keys[at - 1], keys[at + 1] = keys[at + 1], keys[at - 1]
    return list(filter(None, keys))


def _time(pair: Pair) -> bool:
    a, b = _times(pair.a.words), _times(pair.b.words)
    if not a or not b:  # "this week" may go unsaid
        return any(word != "this" for word, _ in a | b)
    return a != b


def _times(words: list[Word]) -> set[tuple[str, str]]:
    times = {(word.key, "") for word in words if word.text in TIMES}
    for word, period in pairwise(words):
        if word.text in ("this", "last", "next", "past", "previous") and period.text in PERIODS:
            times.add((word.text, period.text))
    return times


def _entity(pair: Pair) -> bool:
    return _named(pair.a.words) and _named(pair.b.words)


def _named(words: list[Word]) -> bool:
    """Whether a name stands there alone, in a text that does not write everything in capitals."""
    return 2 * sum(word.capital for word in words) <= len(words) and any(
        word.capital and word.lone and word.content and not word.opens for word in words
    )


def _lacks(words: list[Word]) -> bool:
    return any(word.lone and word.content for word in words)


def _slot(pair: Pair) -> bool:
    """Two texts of which half is common, with something of its own on each side of one gap."""
    a, b = pair.frame_a, pair.frame_b
    return 2 * pair.common >= max(len(a), len(b)) and any(
        _lacks(a[gap.start_a : gap.end_a]) and _lacks(b[gap.start_b : gap.end_b]) for gap in pair.gaps
    )


def _addition(pair: Pair) -> bool:
    """One text within the other, which says more, and not only in a clause before it."""
    short, long = sorted((pair.frame_a, pair.frame_b), key=len)
    if pair.common < len(short):
        return False
    lead = 0
    if pair.gaps and pair.gaps[0].start_a == pair.gaps[0].start_b == 0:
        lead = max(pair.gaps[0].end_a, pair.gaps[0].end_b)
    if lead == len(long) or not long[lead].opens:
        lead = 0
    return _lacks(long[lead:])


RULES: Final[tuple[tuple[Rule, Callable[[Pair], bool]], ...]] = (
    (Rule.NUMBER, _number),
    (Rule.CODE, _code),
    (Rule.PAYLOAD, _payload),
    (Rule.NEGATION, _negation),
    (Rule.OPPOSITE, _opposite),
    (Rule.DIRECTION, _direction),
    (Rule.TIME, _time),
    (Rule.QUESTION, question),
    (Rule.ENTITY, _entity),
    (Rule.SLOT, _slot),
    (Rule.ADDITION, _addition),
)
