"""Two texts beside each other: which words have no counterpart, and what is left between common runs."""

from __future__ import annotations

from typing import Final, NamedTuple

from ferrogate.reference.guard.text import Text, Word
from ferrogate.reference.guard.words import FILLERS

__all__ = ["Gap", "Pair"]

_SHORTEST_TYPO: Final = 5


class Gap(NamedTuple):
    """What stands in two frames between the same neighbours; at most one side is empty."""

    start_a: int
    end_a: int
    start_b: int
    end_b: int


class Pair:
    """Two texts, their words without fillers (the frames), and the gaps between what these share."""

    def __init__(self, a: Text, b: Text) -> None:
        self.a, self.b = a, b
        _mark_lone(a.words, b.words)
        _mark_lone(b.words, a.words)
        self.frame_a, self.frame_b = ([w for w in text.words if w.text not in FILLERS] for text in (a, b))
        self.gaps: list[Gap] = []
        self._align(0, len(self.frame_a), 0, len(self.frame_b))
        self.common = len(self.frame_a) - sum(gap.end_a - gap.start_a for gap in self.gaps)

    def _align(self, start_a: int, end_a: int, start_b: int, end_b: int) -> None:
        """Find the longest common run, the first of several, and go on to both sides of it."""
        if start_a == end_a and start_b == end_b:
            return
        longest = at_a = at_b = 0
        above = [0] * (end_b - start_b + 1)
        for place_a in range(start_a, end_a):
            runs = [0]
            for place_b in range(start_b, end_b):
                same = _same(self.frame_a[place_a], self.frame_b[place_b])
                runs.append(above[place_b - start_b] + 1 if same else 0)
                if runs[-1] > longest:
                    longest, at_a, at_b = runs[-1], place_a + 1, place_b + 1
            above = runs
        if not longest:
            self.gaps.append(Gap(start_a, end_a, start_b, end_b))
            return
        self._align(start_a, at_a - longest, start_b, at_b - longest)
        self._align(at_a, end_a, at_b, end_b)


def _mark_lone(words: list[Word], others: list[Word]) -> None:
    for word in words:
        word.lone = not any(_same(word, other) for other in others)
    for at, word in enumerate(words):
        if word.lone and any(map(_spells, others, others[1:], [word] * len(others))):
            word.lone = False
        if at + 1 < len(words) and (word.lone or words[at + 1].lone):
            after = words[at + 1]
            if any(_spells(word, after, other) for other in others):
                word.lone = after.lone = False


def _spells(one: Word, two: Word, whole: Word) -> bool:
    return one.text + two.text == whole.text


def _same(one: Word, two: Word) -> bool:
    return one.key == two.key or (one.content and two.content and _near(one.key, two.key))


def _near(one: str, two: str) -> bool:
    """Whether two words are one but for spelling: s and z, letters that changed places, a missing vowel."""
    if len(one) > len(two):
        one, two = two, one
    both = one + two
    if len(one) < _SHORTEST_TYPO or len(two) - len(one) > 1 or not (both.isascii() and both.isalpha()):
        return False
    at = next((at for at in range(len(one)) if one[at] != two[at]), len(one))
    if at in (0, len(one)):
        return False
    if len(one) < len(two):
        return two[at] in "aeiou" and one[at:] == two[at + 1 :]
    if one[at + 1 :] == two[at + 1 :]:
        return {one[at], two[at]} == {"s", "z"}
    swapped = one[at : at + 2] == two[at : at + 2][::-1] and one[at + 2 :] == two[at + 2 :]
    return swapped and (len(one) > _SHORTEST_TYPO or one[at - 1 :] in ("tre", "ter"))
