"""A text as the guard reads it: words, symbols, quotations, and where a payload begins."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Final

from ferrogate.reference.guard.words import (
    AUXILIARIES,
    CONTRACTIONS,
    FILLERS,
    FUNCTION,
    IMPERATIVES,
    NUMBERS,
    ORDINALS,
    PHRASES,
    SYNONYMS,
    UNITS,
)

__all__ = ["Text", "Word", "plain", "stem"]

_SPACES: Final = "\t\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029\u202f\u205f"
_ALIKE: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb`", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys(_SPACES + "".join(map(chr, range(0x2000, 0x200B))), " "),
        **dict.fromkeys("\u200b\u200c\u200d\ufeff\u00ad\ufe0f", None),
        "\u2026": ".",
    }
)
_SILENT: Final = frozenset(" \n.,;:!?'\"()-\u00bf\u00a1\u2022")
_CLAUSE: Final = frozenset(".,;:!?\n-(")
_NAMED: Final = {
    "$": "dollar",
    "\u20ac": "euro",
    "\u00a3": "gbp",
    "%": "percent",
    "&": "and",
    "\u00b0": "degree",
}
_CLITICS: Final = {"s": "is", "re": "are", "ve": "have", "ll": "will", "d": "would", "m": "am"}
_BEFORE_IS: Final = frozenset(("what", "it", "that", "who", "where", "when", "how", "why", "there"))
_ENDINGS: Final = ("ation", "ating", "ated", "ate", "ion", "ment", "ing", "ed", "ly", "e")
_SHORT: Final = 3


def _is_letter(char: str) -> bool:
    if char.isascii():
        return char.isalpha()
    return (
        char in "\u00aa\u00ba"
        or ("\u00c0" <= char <= "\u024f" and char not in "\u00d7\u00f7")
        or "\u1e00" <= char <= "\u1eff"
    )


def _is_foreign(char: str) -> bool:
    """Whether it may be a letter or a mark of a script that no rule knows."""
    return char > "\u024f" and not (
        "\u1e00" <= char <= "\u1eff"
        or "\u2000" <= char <= "\u20cf"
        or "\u2190" <= char <= "\u2bff"
        or "\U0001f000" <= char <= "\U0001faff"
    )


def _is_digit(char: str) -> bool:
    return "0" <= char <= "9"


def _is_word(char: str) -> bool:
    return _is_letter(char) or _is_digit(char) or char == "_"


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text).translate(_ALIKE)


def plain(text: str) -> str:
    """Return a text without what never matters: case, white space, final punctuation."""
    words = _normal(text).lower().replace("\n", " ").split(" ")
    return " ".join(filter(None, words)).rstrip(" .!?")


def stem(word: str) -> str:
    """Cut the endings of English inflection, and of nouns made from verbs, down to three letters."""
    if len(word) < _SHORT or not (word.isascii() and word.isalpha()):
        return word
    if word.endswith("ies") and len(word) > _SHORT + 1:
        word = word[:-3] + "y"
    elif word.endswith("s") and len(word) > _SHORT and word[-2] not in "sui":
        word = word[:-1]
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORT:
            word = word[: -len(ending)]
            break
    if word[-1] == word[-2] and len(word) > _SHORT:
        word = word[:-1]
    return word[:-1] + "i" if word[-1] == "y" else word


def _place(text: str) -> str | None:
    """Return the number of an ordinal, in words or figures."""
    figures = text[:-2] if text[-2:] in ("st", "nd", "rd", "th") else ""
    return ORDINALS.get(text) or (figures if figures and all(map(_is_digit, figures)) else None)


def _by_stem() -> dict[str, str]:
    """Let inflections have the synonym too; a stem of three letters is too many words'."""
    found: dict[str, str] = {}
    for word, synonym in SYNONYMS.items():
        found[word] = stem(synonym)
        if len(stem(word)) > _SHORT:
            found.setdefault(stem(word), stem(synonym))
    return found


_BY_STEM: Final = _by_stem()


@dataclass
class Word:
    """One word: ``text`` folded, ``key`` what it is compared by.

    ``opens`` says that a clause begins with it, ``content`` that it is more than grammar, ``lone`` that the
    other text has no counterpart, ``owns`` that it is a genitive.
    """

    text: str
    key: str
    capital: bool = False
    opens: bool = False
    number: bool = False
    code: bool = False
    content: bool = False
    lone: bool = False
    owns: bool = False

    @classmethod
    def of(cls, text: str, capital: bool, opens: bool) -> Word:
        """Look one folded word up."""
        figure = all(_is_digit(char) or char in ".,:" for char in text.removeprefix("-"))
        place = _place(text)
        key = NUMBERS.get(text) or place or UNITS.get(text)
        if key is None:
            key = text if figure else stem(SYNONYMS.get(text, text))
            key = text if figure else _BY_STEM.get(key, key)
        return cls(
            text,
            key,
            capital,
            opens,
            number=figure or bool(place) or text in NUMBERS,
            code="_" in text or (any(map(_is_digit, text)) and not figure and not place),
            content=not (
                text in FUNCTION or text in FILLERS or text in AUXILIARIES or (opens and text in IMPERATIVES)
            ),
        )


@dataclass
class Text:
    """A text taken apart: ``quotes`` are ranges of ``words``, ``payload`` where an announced one begins."""

    words: list[Word] = field(default_factory=list)
    symbols: list[str] = field(default_factory=list)
    quotes: list[tuple[int, int]] = field(default_factory=list)
    payload: int | None = None
    asks: bool = False
    foreign: bool = False

    @classmethod
    def read(cls, text: str) -> Text:
        """Take a text apart."""
        return _Reader(_normal(text)).run()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.into, self.opens = text, Text(), True
        self.quote: tuple[str, int] | None = None

    def at(self, place: int) -> str:
        return self.text[place] if 0 <= place < len(self.text) else " "

    def run(self) -> Text:
        place = 0
        while place < len(self.text):
            char = self.text[place]
            minus = char == "-" and _is_digit(self.at(place + 1)) and self.at(place - 1) in " \n("
            if minus or _is_word(char):
                place = self.word(place)
            else:
                self.mark(char, place)
                place += 1
        return self.into

    def mark(self, char: str, place: int) -> None:
        into, before, after = self.into, self.at(place - 1), self.at(place + 1)
        if _is_foreign(char):
            into.foreign = True
        elif char in "'\"":
            self.quotation(char, before, after)
        elif char in _NAMED:
            self.add(_NAMED[char])
        elif char not in _SILENT and not (char == "#" and _is_digit(after)):
            into.symbols.append(char)
        into.asks |= char == "?"
        announces = char == "\n" or (char == ":" and after in " \n")
        if announces and into.payload is None and into.words and self.text[place + 1 :].strip(" \n"):
            into.payload = len(into.words)
        if char in "'\"" or (char in _CLAUSE and (char != "-" or before == " ")):
            self.opens = True

    def quotation(self, char: str, before: str, after: str) -> None:
        words = len(self.into.words)
        if self.quote and self.quote[0] == char and not _is_word(after):
            if self.quote[1] < words:
                self.into.quotes.append((self.quote[1], words))
            self.quote = None
        elif not self.quote and not _is_word(before) and after not in " \n":
            self.quote = (char, words)

    def word(self, start: int) -> int:
        end = start + 1
        while end < len(self.text):
            char, before, after = self.text[end], self.at(end - 1), self.at(end + 1)
            joins = (char == "'" and _is_letter(before) and _is_letter(after)) or (
                char in ".,:" and _is_digit(before) and _is_digit(after)
            )
            if not _is_word(char) and not joins:
                break
            end += 1
        tail = end
        while _is_letter(self.at(end - 1)) and self.at(tail) in "+#":
            tail += 1
        if not _is_word(self.at(tail)):
            end = tail
        word = self.text[start:end].lower().replace("\u00df", "ss")
        without = word == "free" and self.at(start - 1) == "-"
        self.contraction("without" if without else word, self.text[start].isupper())
        return end

    def contraction(self, word: str, capital: bool) -> None:
        head, mark, tail = word.partition("'")
        if word in CONTRACTIONS:
            self.add(CONTRACTIONS[word], capital)
            self.add("not")
        elif mark and tail == "t" and head.endswith("n") and head != "n":
            self.add({"ca": "can", "wo": "will", "sha": "shall"}.get(head[:-1], head[:-1]), capital)
            self.add("not")
        elif mark and tail in _CLITICS:
            self.add(head, capital)
            if tail != "s" or head in _BEFORE_IS:
                self.add(_CLITICS[tail])
            else:
                self.into.words[-1].owns = True
        elif mark and len(head) <= 2:
            self.add(head, capital)
            self.add(tail)
        else:
            self.figures(word, capital)

    def figures(self, word: str, capital: bool) -> None:
        """Write numbers alike, and take what stands beside one apart: units, names, versions."""
        number = word.rstrip("abcdefghijklmnopqrstuvwxyz")
        name = word.rstrip("0123456789.")
        if (
            number
            and _is_digit(word[0])
            and all(_is_digit(c) or c in ".," for c in number)
            and (word[len(number) :] in UNITS)
        ):
            self.add(_ungrouped(number), capital)
            self.add(word[len(number) :])
        elif (
            len(name) < len(word)
            and (name == "v" or len(name) >= _SHORT)
            and name.isascii()
            and name.isalpha()
        ):
            self.add("version" if name == "v" else name, capital)
            self.add(word[len(name) :])
        else:
            self.add(_ungrouped(word), capital)

    def add(self, word: str, capital: bool = False) -> None:
        """Add a word, or make one of it and the last one where they are a phrase with a name of its own."""
        words, opens = self.into.words, self.opens
        self.opens = False
        name = PHRASES.get(f"{words[-1].text}_{word}") if words and not opens else None
        if name is None:
            words.append(Word.of(word, capital, opens))
        else:
            words[-1] = Word.of(name, words[-1].capital, words[-1].opens)


def _ungrouped(word: str) -> str:
    """Return a number without the commas between its thousands."""
    whole, _, fraction = word.removeprefix("-").partition(".")
    groups = whole.split(",")
    grouped = (
        len(groups) > 1
        and 1 <= len(groups[0]) <= 3
        and all(len(group) == 3 for group in groups[1:])
        and all(map(_is_digit, "".join(groups) + fraction))
    )
    return word.replace(",", "") if grouped else word
