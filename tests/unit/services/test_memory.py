from __future__ import annotations

import sys

import pytest

from ferrogate.services.memory import Trimmer, system_release


@pytest.mark.parametrize(
    ("clients", "releases"),
    [
        ([0, 200, 0], 0),
        ([9_000, 5_000], 0),
        ([9_000, 4_500], 1),
        ([100, 9_000, 4_000, 3_000, 1_900, 100, 0], 3),
        ([9_000, 0, 0, 0], 1),
        ([9_000, 0, 9_000, 0], 2),
    ],
)
def test_memory_is_given_back_when_most_of_a_crowd_has_left(clients: list[int], releases: int) -> None:
    counts, released = iter(clients), []
    trimmer = Trimmer(lambda: next(counts), lambda: released.append(True))
    for _ in clients:
        trimmer.look()
    assert len(released) == releases


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has it")
def test_the_system_can_be_asked() -> None:
    release = system_release()
    assert release is None or release() in (0, 1)
