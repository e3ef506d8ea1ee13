"""Compares the crate's tokenizer with ``tokenizers`` on every code point and on many seeded texts.

``python compare_tokens.py PROGRAM FOLDER [SEED]``: the example ``tokens`` (``cargo build --release -p
ferrogate-embed --example tokens``) and the folder of the model; needs ``pip install tokenizers``. Says how
many differ, which ones, and exits with 1 where any does.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

from tokenizers import Tokenizer

COUNT = 40_000
CHARACTERS = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
ACCENTS = [*CHARACTERS[0x300:0x370], "\u302e", "\u302f", "\U0001d165"]
MARKS = ["[SEP]", "[CLS]", "[MASK]", "[PAD]", "[UNK", "[", "[[SEP]"]


def texts(pieces: list[str], choose: random.Random) -> list[str]:
    """Pieces and characters glued together, some with accents, some in capitals, some with marks between."""
    pools = [pieces, pieces, CHARACTERS, CHARACTERS[:0x3000], CHARACTERS[0x2E80:0xF800]]
    found = []
    for _ in range(COUNT):
        parts = choose.choices(choose.choice(pools), k=choose.randint(1, 25))
        kind = choose.random()
        if kind < 0.3:
            parts = [part + choose.choice(ACCENTS) for part in parts]
        elif kind > 0.6:
            parts = [choose.choice([part, part.upper()]) for part in parts]
        if choose.random() < 0.1:
            parts.insert(choose.randrange(len(parts)), choose.choice(MARKS))
        found.append(choose.choice(["", " ", "x"]).join(parts))
    return found


def main() -> None:
    program, folder = sys.argv[1:3]
    description = json.loads(Path(folder, "tokenizer.json").read_text("utf-8"))
    tokenizer = Tokenizer.from_str(json.dumps(description | {"padding": None, "truncation": None}))
    pieces = sorted(piece.removeprefix("##") for piece in tokenizer.get_vocab())
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    every = [f"a{character}b {character}" for character in CHARACTERS]
    asked = every + texts(pieces, random.Random(seed))
    lines = "\n".join(json.dumps(text) for text in asked)
    answer = subprocess.run([program, folder], input=lines, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in answer.stdout.splitlines()]
    wanted = [encoding.ids for encoding in tokenizer.encode_batch(asked)]
    differ = [text for text, a, b in zip(asked, found, wanted, strict=True) if a != b]
    sys.stdout.write(f"{len(asked)} texts, {len(differ)} differ\n")
    if differ:
        sys.exit(f"{differ[:20]}")


if __name__ == "__main__":
    main()
