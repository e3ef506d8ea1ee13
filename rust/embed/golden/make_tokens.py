"""Writes tokens.json: texts, the numbers of their word pieces by ``tokenizers``, and these pieces.

``python make_tokens.py FOLDER``, the folder of the model; needs ``pip install tokenizers``. The small
vocabulary in the file gives the same numbers, which is checked here, so that they can be tested without the
model.
"""

from __future__ import annotations

import json
import random
import sys
import unicodedata
from pathlib import Path

from tokenizers import Tokenizer

OUT = Path(__file__).parent / "tokens.json"

PLAIN = (Path(__file__).parent / "split.txt").read_text("utf-8").splitlines()

EDGES = [
    "",
    " ",
    "\t\n\r ",
    "a\tb\nc\rd",
    "a\u00a0b\u2003c\u3000d\u2028e\u2029f\u202fg\u1680h",
    "a\x0bb\x0cc\x85d\x1ce\x1fff",
    "a\x00b\ufffdc\x07d\x7fe",
    "zero\u200bwidth\u200djoin\u2060er\ufeffmark\u00adhyphen",
    "bidi \u202eabc\u202c \u2066def\u2069",
    "private \ue000 \U000f0000 use",
    "unassigned \u0378 \U0001faff \U000e0fff",
    "variation \u2764\ufe0f \ufe00 \U000e0100",
    "cafe\u0301 e\u0301\u0302\u0303 \u0301alone",
    "A\u030a \u212b \u2126 K \u212a \u00c5",
    "\u1e9b\u0323 \u1e69 s\u0323\u0307 s\u0307\u0323",
    "\u0130 \u0131 i\u0307 I\u0307",
    "\u03a3 \u03c3 \u03c2 \u039f\u0394\u039f\u03a3",
    "\uf900\uf901 \ufa0e \U0002f800 \U00020000 \U0002a6df \U0002b739 \U0002b81d \U0002b820 \U0002b920",
    "\u3400\u4dbf\u4dc0 \u4e00\u9fff\ua000 \u3007\u3005\u303b",
    "\u1100\u1161\u11a8 \uac01 \uac00 \ud7a3 \u302e\u302f",
    "\u0344 \u0958 \u0f73 \u0f81 \ufb1d \ufb4e",
    "\u037e \u0387 \u1fef \u2000\u2001 \u2329\u232a",
    "\U0001d15e \U0001d400 \U0001d7d8 \U00010400 \U0001e900",
    "\uff21\uff22\uff11\uff01 \uff5e",
    "\u01c4\u01c5\u01c6 \u1f88 \u1fb3",
    "x" * 100,
    "x" * 101,
    "é" * 100 + " " + "é" * 101,
    "中" * 120,
    "e\u0301" * 100,
    ("ab" * 50) + "c d",
    "\u00ad" * 3 + "a",
    "." * 60,
    "[SEP]" * 3,
    "[\u00adSEP]",
    "\U000111c9 \u166d \u0e4f \u055a \u3030 \u30fb \uff65",
]

WORDS = [
    "the",
    "of",
    "account",
    "billing",
    "how",
    "do",
    "change",
    "my",
    "refund",
    "policy",
    "city",
    "winter",
    "running",
    "faster",
    "unhappiness",
    "models",
    "translate",
    "Überraschung",
    "naïveté",
    "tokenisation",
    "GPU",
    "latency",
    "embeddings",
    "Straße",
    "jalapeño",
    "東京",
    "Москва",
    "θέμα",
    "42",
    "3.14",
]


def invented(seed: int) -> list[str]:
    """Seeded texts: words glued in odd ways, and characters from everywhere."""
    choose = random.Random(seed)
    everywhere = [
        character
        for character in map(chr, range(0x20000))
        if unicodedata.category(character) not in ("Cs", "Cn", "Co")
    ]
    near = [character for character in everywhere if ord(character) < 0x600]
    texts = []
    for _ in range(120):
        glue = choose.choice([" ", "  ", "-", "", ", ", "\n", "/", "'", "\u0301 "])
        words = choose.choices(WORDS, k=choose.randint(2, 9))
        texts.append(
            glue.join(choose.choice([word, word.upper(), word.title(), word[::-1]]) for word in words)
        )
    for pool in (near, everywhere):
        for _ in range(90):
            text = "".join(choose.choices(pool, k=choose.randint(3, 14)))
            texts.append(
                text if choose.random() < 0.5 else " ".join("a" + character + "b" for character in text)
            )
    return texts


def main() -> None:
    description = json.loads(Path(sys.argv[1], "tokenizer.json").read_text("utf-8"))
    description |= {"padding": None, "truncation": None}
    tokenizer = Tokenizer.from_str(json.dumps(description))
    texts = list(dict.fromkeys([*PLAIN, *EDGES, *invented(7)]))
    encoded = [tokenizer.encode(text) for text in texts]
    pieces = {mark["content"]: mark["id"] for mark in description["added_tokens"]}
    for encoding in encoded:
        pieces |= zip(encoding.tokens, encoding.ids, strict=True)

    description["model"]["vocab"] = pieces
    small = Tokenizer.from_str(json.dumps(description))
    for text, encoding in zip(texts, encoded, strict=True):
        if small.encode(text).ids != encoding.ids:
            sys.exit(f"the small vocabulary splits {text!r} otherwise")

    cases = [[text, encoding.ids] for text, encoding in zip(texts, encoded, strict=True)]
    lines = ",\n".join(json.dumps(case) for case in cases)
    vocabulary = json.dumps(dict(sorted(pieces.items(), key=lambda piece: piece[1])))
    OUT.write_text(f'{{"vocab": {vocabulary},\n"cases": [\n{lines}\n]}}\n')
    sys.stdout.write(f"{len(cases)} texts, {len(pieces)} pieces\n")


if __name__ == "__main__":
    main()
