"""The guard of the Python engine gives the verdicts of the compiled one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ferrogate.reference.guard import Rule, judge, words

GOLDEN = Path(__file__).parents[2] / "golden"


def test_verdicts_are_those_of_the_golden_file() -> None:
    lines = (GOLDEN / "guard.jsonl").read_text(encoding="utf-8").split("\n")
    pairs = [json.loads(line) for line in lines if line]
    assert {pair["rule"] for pair in pairs} == {None, *(rule.value for rule in Rule)}
    for pair in pairs:
        for a, b in ((pair["a"], pair["b"]), (pair["b"], pair["a"])):
            rule = judge(a, b)
            assert (rule and rule.value) == pair["rule"], (a, b)


@pytest.mark.parametrize("name", words.__all__)
def test_words_are_those_of_the_golden_file(name: str) -> None:
    tables = json.loads((GOLDEN / "guard_words.json").read_text(encoding="utf-8"))
    assert sorted(tables) == sorted(table.lower() for table in words.__all__)
    assert tables[name.lower()] == sorted(_entries(getattr(words, name)))


def _entries(table: Any) -> list[str]:
    if isinstance(table, frozenset):
        return list(table)
    couples = table.items() if isinstance(table, dict) else table
    return [">".join(couple) for couple in couples]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("How do I reset my password?", "What's the password reset process?"),
        ("  how do i RESET my password", "How do I reset my password!"),
        ("\u6771\u4eac\u306e\u5929\u6c17", " \u6771\u4eac\u306e\u5929\u6c17"),
        ("Don\u2019t stop", "don't stop"),
    ],
)
def test_one_answer_serves_both(one: str, two: str) -> None:
    assert judge(one, two) is None


def test_a_text_over_the_limit_is_accepted_for_itself_only() -> None:
    long = "word " * 257
    assert judge(long, long.strip() + ".") is None
    assert judge(long, long + "more") is Rule.TOO_LONG
