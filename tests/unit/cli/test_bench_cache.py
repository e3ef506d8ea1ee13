"""``gateway bench cache`` with the embedder that needs no weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ferrogate.cli.bench import app

PAIRS: list[dict[str, Any]] = [
    {"a": "reset my password", "b": "Reset my password!", "label": 1, "kind": "para"},
    {"a": "reset my password", "b": "winter in Patagonia", "label": 1, "kind": "para"},
    {"a": "turn on dark mode now", "b": "turn off dark mode now", "label": 0, "kind": "neg_opposite"},
    {"a": "the show begins at noon", "b": "the show begins at noon", "label": 0, "kind": "neg_odd"},
    {"a": "eggs", "b": "Mongolia", "label": 0, "kind": "unrelated"},
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["cache", *arguments])


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(pair) for pair in PAIRS) + "\n\n", encoding="utf-8")
    return path


def measured(pairs: Path, *arguments: str) -> dict[str, Any]:
    result = run("--pairs", str(pairs), "--hashed", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def test_totals_leave_out_what_is_unrelated(pairs: Path) -> None:
    found = measured(pairs, "--threshold", "0.5")
    paraphrases, negatives = found["totals"]["paraphrases"], found["totals"]["hard_negatives"]
    assert (paraphrases["pairs"], paraphrases["near"], paraphrases["served"]) == (2, 1, 1)
    assert paraphrases["served_percent"] == 50.0
    assert (negatives["pairs"], negatives["near"], negatives["served"]) == (2, 2, 1)
    assert negatives["vetoes"] == {"opposite": 1}
    assert found["totals"]["unrelated"]["served"] == 0
    assert [kind["kind"] for kind in found["kinds"]] == ["para", "neg_opposite", "neg_odd", "unrelated"]


def test_what_went_wrong_is_listed_with_its_reason(pairs: Path) -> None:
    wrong = measured(pairs, "--threshold", "0.5")["wrong"]
    assert [(one["kind"], one["label"], one["veto"]) for one in wrong] == [
        ("para", 1, None),
        ("neg_odd", 0, None),
    ]
    assert wrong[1]["cosine"] == 1.0


def test_a_profile_is_a_threshold_and_a_threshold_wins(pairs: Path) -> None:
    assert measured(pairs)["threshold"] == 0.80
    assert measured(pairs, "--profile", "recall")["threshold"] == 0.75
    strict = measured(pairs, "--profile", "recall", "--threshold", "1")
    assert (strict["threshold"], strict["profile"]) == (1.0, None)
    assert run("--pairs", str(pairs), "--hashed", "--profile", "brave").exit_code == 2


def test_the_table_has_the_same_figures(pairs: Path, tmp_path: Path) -> None:
    result = run("--pairs", str(pairs), "--hashed", "--wrong", "--out", str(tmp_path / "out" / "all.json"))
    assert result.exit_code == 0, result.output
    assert "paraphrases: 50.0 % served (1 of 2; 50.0 % near enough)" in result.stdout
    assert "hard negatives: 50.0 % served" in result.stdout
    assert "the show begins at noon" in result.stdout
    written = json.loads((tmp_path / "out" / "all.json").read_text(encoding="utf-8"))
    assert written["model"] == "hashed/1"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "holds no pair"),
        ('{"a": "x", "b": "y"}', "line 1: label: Field required"),
        ('{"a": "x", "b": "y", "label": 1}\n{"a": 3, "b": "y", "label": 1}', "line 2: a: Input should be"),
        ('{"a": "x", "b": "y", "label": 2}', "label is 2; it is 0 or 1"),
        ("nonsense", "line 1: Invalid JSON"),
    ],
)
def test_another_file_is_refused_by_line(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(content, encoding="utf-8")
    result = run("--pairs", str(path), "--hashed")
    assert result.exit_code != 0
    assert says in str(result.exception)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = run("--pairs", str(tmp_path / "none.jsonl"), "--hashed")
    assert "none.jsonl cannot be read" in str(result.exception)
