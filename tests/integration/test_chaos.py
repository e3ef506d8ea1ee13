"""Twenty seconds of chaos, and the books balance."""

from __future__ import annotations

import os

import pytest
from bench.chaos.clients import BEHAVIOURS
from bench.chaos.faults import FAULTS
from bench.chaos.run import Options, chaos

SEED = int(os.environ.get("CHAOS_SEED", "20"))


@pytest.mark.timeout(180)
def test_the_books_balance() -> None:
    report = chaos(Options(seconds=20.0, seed=SEED))
    assert not report.violations, "\n".join(map(str, report.violations[:10]))
    assert report.rows > 200
    for outcome in ("ok", "error", "cut", "cancelled"):
        assert report.outcomes[outcome] > 0
    # Rare ones may be missing from so short a run, most may not.
    assert len(report.faults.keys() & FAULTS.keys()) > 0.8 * len(FAULTS)
    assert len({name.split(" ")[0] for name in report.behaviours}) > 0.6 * len(BEHAVIOURS)
    assert sum(report.changes.values()) > 20
