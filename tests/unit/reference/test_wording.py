"""The Python engine embeds what the compiled one embeds."""

from __future__ import annotations

import json
from pathlib import Path

from ferrogate.reference import wording

GOLDEN = Path(__file__).parents[2] / "golden"


def test_texts_are_those_of_the_golden_file() -> None:
    lines = (GOLDEN / "wording.jsonl").read_text(encoding="utf-8").split("\n")
    pairs = [json.loads(line) for line in lines if line]
    assert len(pairs) > 50
    for pair in pairs:
        assert wording.asked(pair["text"]) == pair["asked"]


def test_frames_are_those_of_the_golden_file() -> None:
    tables = json.loads((GOLDEN / "wording_frames.json").read_text(encoding="utf-8"))
    ours = {name.lower(): list(getattr(wording, name)) for name in wording.__all__ if name != "asked"}
    assert tables == ours
