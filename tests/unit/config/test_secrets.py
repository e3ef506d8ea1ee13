import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ferrogate.config.secrets import Secret, mask, mask_named, resolve, unusable
from ferrogate.errors import SecretError

HERE = Path("no-such-folder")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", ""),
        ("short", "****"),
        ("sk-0123456789ab", "****"),
        ("sk-0123456789abc", "sk-...9abc"),
        ("sk-0123456789abcdefg", "sk-...defg"),
        ("sk-proj-0123456789abcdefgh", "sk-...efgh"),
        ("gsk_0123456789abcdefghij", "gsk_...ghij"),
        ("0123456789abcdef0123456789abcdef", "...cdef"),
        ("SK-0123456789abcdefghijkl", "...ijkl"),
        ("secret-0123456789abcdefghij", "...ghij"),
    ],
)
def test_mask(value, shown):
    assert mask(value) == shown


@given(st.text(max_size=300))
@example("sk-" * 20)
@example("a_" + "…" * 40)
def test_a_mask_never_shows_more_than_a_prefix_and_four_characters(value):
    shown = mask(value)
    if len(value) < 16:
        assert shown == ("****" if value else "")
        return
    prefix, dots, tail = shown.partition("...")
    assert dots == "..."
    assert len(tail) == 4
    assert value.endswith(tail)
    assert len(prefix) <= 5
    assert value.startswith(prefix)
    assert len(value) - len(prefix) - len(tail) >= 7


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("Authorization", True), ("x-api-key", True), ("X-Auth-Token", True), ("cookie", True),
        ("HTTP-Referer", False), ("x-team", False), ("api-version", False),
    ],
)  # fmt: skip
def test_a_header_is_masked_by_its_name(name, masked):
    value = "0123456789abcdefghijklmnop"
    assert (mask_named(name, value) != value) is masked


def test_a_variable_is_read_and_stripped():
    secret = resolve("env.KEY", {"KEY": " sk-1\n"}, HERE)
    assert (secret.reference, secret.value) == ("env.KEY", "sk-1")


@pytest.mark.parametrize(
    ("text", "environ", "says"),
    [
        ("env.KEY", {}, "environment variable KEY is not set"),
        ("env.KEY", {"KEY": "  "}, "environment variable KEY is empty"),
        ("env.KEY", {"KEY": "a\nb"}, "KEY contains a line break"),
        ("env.", {}, "write env.NAME"),
        ("env.A B", {}, "write env.NAME"),
        ("$KEY", {}, "write env.KEY"),
        ("${KEY}", {}, "write env.KEY"),
        ("env:KEY", {}, "write env.KEY"),
        ("os.environ/KEY", {}, "write env.KEY"),
        ("sk-ключ", {}, "cannot carry"),
        ("sk-1 ", {}, "ends with a space"),
        ("file:absent", {}, "cannot be read (No such file or directory)"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(text, environ, says):
    with pytest.raises(SecretError) as caught:
        resolve(text, environ, HERE)
    assert says in str(caught.value)


def test_a_file_is_read_relative_to_the_configuration(tmp_path):
    (tmp_path / "key").write_text("sk-from-file\n")
    assert resolve("file:key", {}, tmp_path) == Secret("file:key", "sk-from-file")
    assert resolve(f"file:{tmp_path}/key", {}, HERE).value == "sk-from-file"


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"\n", "is empty"), (b"\xff\xfe", "is not text"), (b"a\nb", "line break"), (b"k" * 70_000, "too long")],
)
def test_a_file_that_holds_no_key(tmp_path, content, says):
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(SecretError, match=says):
        resolve("file:key", {}, tmp_path)


def test_a_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SecretError, match="not a regular file"):
        resolve("file:pipe", {}, tmp_path)


def test_no_error_quotes_the_value(tmp_path):
    (tmp_path / "key").write_text("sk-very\nsecret-text")
    for text, environ in (
        ("env.KEY", {"KEY": "sk-very\nsecret-text"}),
        ("file:key", {}),
        ("sk-very\nsecret-text", {}),
    ):
        with pytest.raises(SecretError) as caught:
            resolve(text, environ, tmp_path)
        assert "secret-text" not in str(caught.value)


def test_a_secret_shows_its_reference_or_its_mask():
    assert "sk-" not in repr(Secret("env.KEY", "sk-0123456789abcdefghij"))
    assert str(Secret("env.KEY", "sk-0123456789abcdefghij")) == "env.KEY"
    assert str(Secret("", "sk-0123456789abcdefghij")) == "sk-...ghij"


def test_an_empty_literal_is_a_key_that_is_not_sent():
    assert resolve("", {}, HERE) == Secret("", "")
    assert unusable("") is None
