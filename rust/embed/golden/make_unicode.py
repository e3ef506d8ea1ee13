"""Writes ../src/tokenizer/unicode.txt: what BERT's normaliser does to each character.

Needs ``pip install tokenizers``. Its tables are older than any current Unicode, so it is asked and nothing
is derived. A line has a name and then code points in hexadecimal, ``a`` or ``a-b``; for ``fold`` also what
they become: nothing, or code points. A step (``a-b/2``) leaves characters out; with ``+`` in front of the
target it moves along.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

OUT = Path(__file__).parent.parent / "src" / "tokenizer" / "unicode.txt"
SURROGATES = range(0xD800, 0xE000)
HANGUL = range(0xAC00, 0xD7A4)  # decomposed by rule


def normaliser(**on: bool) -> BertNormalizer:
    steps = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
    return BertNormalizer(**(steps | on))


def ranges(points: list[int]) -> Iterator[str]:
    start = None
    for point, after in zip(points, [*points[1:], -1], strict=True):
        start = point if start is None else start
        if after != point + 1:
            yield f"{start:x}-{point:x}" if point > start else f"{start:x}"
            start = None


def runs(folds: dict[int, str]) -> Iterator[str]:
    """Neighbours with one target, or whose targets move along, as one line."""
    rest = sorted(folds)
    while rest:
        first = rest[0]
        best, line = [first], f"{first:x} {hexadecimal(folds[first])}"
        for step in (1, 2):
            for moves in (0, step):
                taken = [first]
                while (point := taken[-1] + step) in folds and folds[point] == moved(folds[taken[-1]], moves):
                    taken.append(point)
                if len(taken) > len(best):
                    best = taken
                    span = f"{first:x}-{taken[-1]:x}" + ("/2" if step == 2 else "")
                    line = f"{span} {'+' if moves else ''}{hexadecimal(folds[first])}"
        gone = set(best)
        for point in gone:
            del folds[point]
        rest = [point for point in rest if point not in gone]
        yield line.rstrip()


def moved(text: str, by: int) -> str | None:
    if by == 0:
        return text
    return chr(ord(text) + by) if len(text) == 1 else None


def hexadecimal(text: str) -> str:
    return " ".join(f"{ord(character):x}" for character in text)


def main() -> None:
    clean, fold, split = (
        normaliser(clean_text=True),
        normaliser(strip_accents=True, lowercase=True),
        BertPreTokenizer(),
    )
    removed, punctuation, folds = [], [], {}
    for point in range(0x110000):
        if point in SURROGATES:
            continue
        character = chr(point)
        if clean.normalize_str(f"a{character}b") == "ab":
            removed.append(point)
            continue
        if point > 0x7F and len(split.pre_tokenize_str(f"a{character}b")) == 3:
            punctuation.append(point)
        if point > 0x7F and point not in HANGUL and (folded := fold.normalize_str(character)) != character:
            folds[point] = folded
    lines = [
        "# Made by golden/make_unicode.py.",
        *(f"removed {span}" for span in ranges(removed)),
        *(f"punctuation {span}" for span in ranges(punctuation)),
        *(f"fold {run}" for run in runs(folds)),
    ]
    OUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
