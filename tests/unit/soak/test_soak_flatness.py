from __future__ import annotations

import random

import pytest
from bench.soak.flatness import Bound, judge, slope

TIMES = [5.0 * at for at in range(200)]


def test_a_slope_is_found_through_noise_and_outliers() -> None:
    rng = random.Random(1)
    values = [100 + 0.3 * time + rng.uniform(-2, 2) for time in TIMES]
    for at in range(0, 200, 5):
        values[at] = 10_000.0
    assert slope(TIMES, values) == pytest.approx(0.3, abs=0.02)


def test_a_saw_is_flat() -> None:
    values = [float(at % 10) for at in range(200)]
    assert judge(TIMES, values, Bound(0.0, 1.0)).flat


def test_growth_in_the_first_half_is_no_growth() -> None:
    values = [min(time, 500.0) for time in TIMES]
    verdict = judge(TIMES, values, Bound(0.01, 0.0))
    assert verdict.flat
    assert (verdict.level, verdict.start, verdict.end) == (500.0, 497.5, 995.0)


def test_a_leak_is_found() -> None:
    values = [1_000 + time / 10 for time in TIMES]
    verdict = judge(TIMES, values, Bound(0.03, 8.0))
    assert verdict.growth == pytest.approx(49.75)
    assert verdict.bound == pytest.approx(0.03 * verdict.level)
    assert not verdict.flat


def test_shrinking_is_allowed() -> None:
    assert judge(TIMES, [1_000 - time for time in TIMES], Bound(0.0, 0.0)).flat


def test_a_few_samples_say_nothing() -> None:
    with pytest.raises(ValueError, match="fewer than four"):
        judge([0.0, 1.0], [1.0, 1.0], Bound(0, 0))
