import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrogate.config.document import parse


def test_scalars_are_those_of_yaml_1_2():
    data, _, problems = parse(
        "{a: off, b: no, c: true, d: 0x1f, e: 012, f: 1:30, g: 2024-10-21, "
        "h: ~, i: 1.5, j: 1e3, k: .5, l: y, m: '7'}",
        "f",
    )
    assert problems == []
    assert data == {
        "a": "off", "b": "no", "c": True, "d": 31, "e": 12, "f": "1:30", "g": "2024-10-21", "h": None,
        "i": 1.5, "j": 1000.0, "k": 0.5, "l": "y", "m": "7",
    }  # fmt: skip


def test_every_key_and_value_has_its_place():
    _, places, _ = parse("a:\n  - b: 1\n    c: [2,  3]\n", "f.yaml")
    assert str(places.key(("a",))) == "f.yaml:1:1"
    assert str(places.key(("a", 0, "c"))) == "f.yaml:3:5"
    assert str(places.value(("a", 0, "c", 1))) == "f.yaml:3:13"
    assert str(places.value(("a", 0, "missing"))) == "f.yaml:2:5"


def test_anchors_and_merge_keys():
    data, _, problems = parse("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [*x, {c: 4}]}\n", "f")
    assert problems == []
    assert data["y"] == {"a": 1, "b": 3}
    assert data["z"] == {"a": 1, "b": 2, "c": 4}


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "stands twice, first in line 1"),
        ("a:\n  b: {c: 1, c: 2}\n", 2, 13, "stands twice, first in line 2"),
        ("a:\n\tb: 1\n", 2, 1, "a tab begins this part"),
        ("a: b: c\n", 1, 5, "a second colon in one line"),
        ("a: [1, 2\nb: 3\n", 2, 2, "not valid YAML"),
        ("a: 'open\n", 2, 1, "not valid YAML"),
        ("a: 1\n---\nb: 2\n", 2, 1, "a second document begins here"),
        ("a: *nobody\n", 1, 4, "define it before with &name"),
        ("a: !!python/object:os.system x\n", 1, 4, "has the tag"),
        ("a: !env X\n", 1, 4, "has the tag !env, which is not supported"),
        ("a: !!set {x}\n", 1, 4, "has the tag"),
        ("? [a, b]\n: 1\n", 1, 3, "has a key that is not text"),
        ("a: &a [*a]\n", 1, 4, "refers to itself"),
        ("a: {<<: 7}\n", 1, 9, "merges something that is not a mapping"),
        (f"a: {'1' * 5000}\n", 1, 4, "too long for a number"),
        ("a: b\nc: \x07\n", 2, 4, "U\\+0007"),
        ("a: 1\n b: 2\n", 2, 3, "a second colon|not valid YAML|mapping"),
        ("- &x !<tag:yaml.org,2002:binary> aGk=\n", 1, 3, "has the tag"),
    ],
)
def test_what_is_wrong_with_the_yaml_has_its_line_and_column(text, line, column, says):
    _, _, problems = parse(text, "f.yaml")
    assert len(problems) == 1
    place = problems[0].place
    assert (place.line, place.column) == (line, column)
    assert re.search(says, problems[0].sentence), problems[0].sentence


def test_growth_by_anchors_is_bounded():
    text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    for name, below in zip("bcdefg", "abcdef", strict=True):
        text += f"{name}: &{name} [{','.join([f'*{below}'] * 10)}]\n"
    _, _, problems = parse(text, "f")
    assert [problem.sentence for problem in problems] == [
        "refers to itself or grows without end; write it out instead of an anchor"
    ]


def test_depth_is_bounded():
    _, _, problems = parse("a: " + "[" * 5_000, "f")
    assert [problem.sentence for problem in problems] == ["is nested too deeply"]


@given(st.text(max_size=60))
def test_no_text_makes_it_raise(text):
    data, _, problems = parse(text, "f")
    assert problems or data is None or isinstance(data, dict | list | str | int | float | bool)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text("abc xyz:-#'\"", max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdef", min_size=1, max_size=4), inner)
        ),
        max_leaves=10,
    )
)
def test_json_is_read_as_json(value):
    data, _, problems = parse(json.dumps(value), "f")
    assert problems == []
    assert data == value
