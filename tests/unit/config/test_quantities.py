import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrogate.config.quantities import duration_ms, format_bytes, format_ms, share, size_bytes


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [
        ("300s", 300_000), ("5m", 300_000), ("250ms", 250), ("1h", 3_600_000), ("2d", 172_800_000),
        ("1.5s", 1_500), (" 10 s ", 10_000), ("0", 0), (3, 3_000), (0.25, 250), ("7", 7_000), ("0.0004s", 0),
    ],
)  # fmt: skip
def test_a_duration_is_whole_milliseconds(written, milliseconds):
    assert duration_ms(written) == milliseconds


@pytest.mark.parametrize(
    ("written", "part"),
    [("5%", 0.05), (" 12.5 % ", 0.125), ("0.05", 0.05), (".5", 0.5), (0, 0.0), (1, 1.0), ("100%", 1.0)],
)
def test_a_share_is_from_0_to_1(written, part):
    assert share(written) == part


@pytest.mark.parametrize(
    "written", [5, -0.1, "101%", "5", float("nan"), "half", "", "-5%", True, None, [0.1]]
)
def test_what_is_no_share_is_told_what_to_write(written):
    with pytest.raises(ValueError, match=r"write a share such as 0\.05 or 5%"):
        share(written)


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("32MiB", 32 * 2**20), ("64kB", 64_000), ("64KiB", 65_536), ("1GiB", 2**30), ("1 GB", 10**9),
        ("10mb", 10**7), ("12", 12), (4096, 4096), ("1.5KiB", 1536), ("7B", 7),
    ],
)  # fmt: skip
def test_a_size_is_whole_bytes(written, size):
    assert size_bytes(written) == size


@pytest.mark.parametrize(
    "written", ["", "s", "5x", "-5s", "5 minutes", "1e3s", "٣s", -1, True, None, [1], "9" * 30 + "d"]
)
def test_what_is_no_duration_is_refused_with_an_example(written):
    with pytest.raises(ValueError, match="write a duration such as 300s"):
        duration_ms(written)


@pytest.mark.parametrize(
    "written", ["", "MiB", "5x", "-5MiB", -1, False, None, {}, float("inf"), float("nan")]
)
def test_what_is_no_size_is_refused_with_an_example(written):
    with pytest.raises(ValueError, match="write a size such as 32MiB"):
        size_bytes(written)


@given(st.integers(0, 2**50))
def test_what_is_formatted_reads_back_exactly(value):
    assert duration_ms(format_ms(value)) == value
    assert size_bytes(format_bytes(value)) == value


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (32 * 2**20, "32MiB"),
        (64_000, "64kB"),
        (65_536, "64KiB"),
        (256 * 10**6, "256MB"),
        (1_000_001, "1000001B"),
        (0, "0B"),
    ],
)
def test_sizes_are_spelled_short(size, text):
    assert format_bytes(size) == text
