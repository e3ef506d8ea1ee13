"""The text that is embedded for a request, the twin of ``ferrogate_core::cache::wording``.

People ask for one thing in many frames: "How do I", "Could you tell me how to", "I would like to". What
stands in front moves a vector as much as what is asked, so greetings and courtesies go, and the frames that
ask for a way become one. The rest stays as it was written. ``tests/golden/wording.jsonl`` holds
both together.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["CLOSINGS", "COURTESIES", "FRAMES", "NOUNS", "PROCESS", "asked"]

_COULD_YOU: Final = "can/could/will/would you ?please/kindly"
_BEST: Final = "?best/easiest/right/correct/proper/good/quickest"
_WAY: Final = "steps/process/procedure/method"

# Words apart: one of several with a slash, one that may be missing with a question mark before it.
COURTESIES: Final = (
    "hi/hello/hey/please/pls/kindly/thanks/ok/okay ?there ?all ?everyone",
    "good morning/afternoon/evening/day",
    "thank you",
    "help",
    "help me ?to ?understand",
    f"{_COULD_YOU} ?help/tell/show/teach/explain/give/let/advise me/us ?know ?to ?if/whether",
    f"{_COULD_YOU} explain/describe",
    "tell/show/teach/give/let me/us ?know ?about",
    "i/we would/want/need/wish ?like to know/learn/understand/ask ?if/whether",
    "i'd/we'd like to know/learn/understand/ask ?if/whether",
    "do you know ?if/whether",
    "i/we don't know",
    "i/we do not know",
    "i/we am/are not sure",
    "i'm/we're not sure",
    "i'm/we're wondering/asking ?if/whether",
    "i/we have a ?quick question",
)
FRAMES: Final = (
    "how do/can/could/should/would/does/must i/you/we/one/someone/people>how to",
    "how i/we/you/one can/could/should/would/do>how to",
    "how to>how to",
    "is there a/any ?easy/good/simple/quick way ?for ?me/us to>how to",
    "is it possible ?for ?me/us to>how to",
    f"what is/are the/a/some {_BEST} way/ways/{_WAY} ?for/of/i ?to>how to",
    f"what's/whats the/a {_BEST} way/{_WAY} ?for/of/i ?to>how to",
    "what do/should i/we ?have/need ?to do to>how to",
    "i/we want/need/wish/have ?to>how to",
    "i/we would like to>how to",
    "i'd/we'd like to>how to",
    "i/we am/are trying to>how to",
    "i'm/we're trying to>how to",
    "what's/whats>what is",
)
# "What is the ... process" asks how to do what stands between, if that is short.
PROCESS: Final = ("what is the/your", "what's/whats the/your")
NOUNS: Final = ("process", "procedure")
CLOSINGS: Final = ("please", "pls", "thanks", "thank you")

_WORD: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
_MARKS: Final = " \t\r\n,.;:!?-"
_SHORTEST: Final = 2
_LONGEST_NAME: Final = 4


class _Word(NamedTuple):
    text: str
    start: int
    end: int
    follows: bool
    """Nothing but spaces stands between it and the word before."""


def asked(text: str) -> str:
    """Return the text to embed: without courtesies, in the frame that all share, with a question mark."""
    words = _words(text)
    at, left = 0, -1
    while at != left:
        left = at
        at = max((_match(pattern, words, at) for pattern in COURTESIES), default=at)
    named = _named_process(words, at)
    if named is not None:
        return f"how to {text[words[named].start : words[-2].end]}?"
    frame = ""
    for entry in FRAMES:
        pattern, _, name = entry.partition(">")
        end = _match(pattern, words, at)
        if end > at:
            at, frame = end, f"{name} "
            break
    if len(words) - at < _SHORTEST:
        return text
    return f"{frame}{_without_closing(text[words[at].start :])}?"


def _words(text: str) -> list[_Word]:
    folded = text.replace("\u2019", "'")
    words, last = [], 0
    for found in _WORD.finditer(folded):
        between = folded[last : found.start()]
        words.append(_Word(found[0].lower(), found.start(), found.end(), not between.strip(" ")))
        last = found.end()
    return words


def _match(pattern: str, words: list[_Word], at: int) -> int:
    """Return the place after the words that match, or ``at`` where they do not."""
    end = at
    for part in pattern.split():
        optional, choices = part.startswith("?"), part.lstrip("?").split("/")
        here = end < len(words) and words[end].text in choices and (end == at or words[end].follows)
        if here:
            end += 1
        elif not optional:
            return at
    return end


def _named_process(words: list[_Word], at: int) -> int | None:
    """Return where the name begins in "what is the password reset process"; None in another text."""
    start = max(_match(pattern, words, at) for pattern in PROCESS)
    name = len(words) - 1 - start
    if start == at or not 1 <= name <= _LONGEST_NAME or words[-1].text not in NOUNS:
        return None
    return start if all(word.follows for word in words[at + 1 :]) else None


def _without_closing(rest: str) -> str:
    rest = rest.rstrip(_MARKS)
    for closing in CLOSINGS:
        head, tail = rest[: -len(closing)], rest[-len(closing) :]
        if tail.isascii() and tail.lower() == closing and head[-1:] in _MARKS:
            return head.rstrip(_MARKS)
    return rest
