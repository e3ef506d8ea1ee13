from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def report() -> dict[str, Any]:
    """A generator's report: 1000 requests answered in 2 s, 20 ms of CPU on the engine and 50 ms in all."""
    shape = {
        "count": 1000,
        "min": 90,
        "mean": 210.0,
        "p50": 200,
        "p90": 300,
        "p99": 900,
        "p999": 1500,
        "max": 2000,
    }
    return {
        "url": "http://127.0.0.1:1/v1/chat/completions",
        "mode": "open",
        "stream": False,
        "rate": 500.0,
        "connections": 64,
        "cancelled": False,
        "window": {
            "seconds": 2.0,
            "completed": 1000,
            "failed": 0,
            "events": 0,
            "bytes": 1,
            "throughput": 500.0,
        },
        "totals": {"sent": 1000, "completed": 1000, "failed": 0, "events": 0, "bytes": 1},
        "requests": {
            "sent": 1000,
            "ok": 1000,
            "answered": 1000,
            "failed": 0,
            "unfinished": 0,
            "unsent": 0,
            "resent": 0,
        },
        "statuses": {"200": 1000},
        "errors": {},
        "error_samples": {},
        "incomplete_streams": 0,
        "latency_us": shape,
        "first_byte_us": shape,
        "gap_us": shape,
        "events_per_stream": {**shape, "mean": 0.0, "count": 0},
        "generator_late": False,
        "lateness_us": shape,
        "connections_exhausted": False,
        "waited_for_connection": 0,
        "usage": {
            "server": {
                "cpu_us": 50_000,
                "rss_peak_kb": 102_400,
                "rss_highest_kb": 102_400,
                "threads": {
                    "fg-engine": {"threads": 1, "cpu_us": 20_000},
                    "python": {"threads": 3, "cpu_us": 30_000},
                },
            },
            "mock": {
                "cpu_us": 10_000,
                "rss_peak_kb": 1,
                "threads": {"fg-mock": {"threads": 1, "cpu_us": 10_000}},
            },
        },
    }
