"""What the engine counts: lanes and requests, for the lanes page and for Prometheus.

Labels are bounded: providers and operations come from configuration, and beyond a fixed number of lanes a
key's models share one, because clients choose the names of models. The metrics carry the names of the
compiled engine's.
"""

from __future__ import annotations

import asyncio
import contextlib
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from ferrogate.reference.record import Attempt, Record
from ferrogate.reference.resolve import Lane

__all__ = ["Ledger"]

_MAX_LANES: Final = 4096
_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_FINE: Final = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 1.0)


@dataclass(slots=True)
class _LaneCount:
    provider: str
    key: str
    key_id: str
    model: str
    weight: float = 1.0
    enabled: bool = True
    in_flight: int = 0
    requests: int = 0
    successes: int = 0
    failures: int = 0
    cancelled: int = 0
    last_error: str | None = None
    last_status: int | None = None


class _Histogram:
    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, microseconds: int) -> None:
        seconds = microseconds / 1e6
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def lines(self, name: str, labels: str) -> Iterator[str]:
        total = 0
        comma = "," if labels else ""
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{{labels}{comma}le="{bound}"}} {total}'
        braces = f"{{{labels}}}" if labels else ""
        yield f"{name}_sum{braces} {self._sum:.6f}"
        yield f"{name}_count{braces} {total}"


class Ledger:
    """Counters of one engine; they outlive every snapshot because they hang on stable ids."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[str, str, str], _LaneCount] = {}
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._failures: Counter[tuple[str, str]] = Counter()
        self._tokens: Counter[tuple[str, str]] = Counter()
        self._durations: defaultdict[str, _Histogram] = defaultdict(lambda: _Histogram(_BOUNDS))
        self._first_tokens: defaultdict[str, _Histogram] = defaultdict(lambda: _Histogram(_BOUNDS))
        self._overhead = _Histogram(_FINE)

    @contextlib.contextmanager
    def attempt(self, lane: Lane, record: Record) -> Iterator[Attempt]:
        """Follow one try; one that its client cancelled says nothing about the lane."""
        entry = Attempt(lane.provider.name, lane.key.name, lane.model)
        record.attempts.append(entry)
        count = self._count(lane)
        count.in_flight += 1
        count.requests += 1
        cancelled = False
        try:
            yield entry
        except asyncio.CancelledError:
            cancelled = True
            raise
        finally:
            entry.ended()
            record.upstream_us = (record.upstream_us or 0) + entry.duration_us
            count.in_flight -= 1
            if cancelled:
                count.cancelled += 1
            elif entry.error is None or entry.excused:
                count.successes += 1
            else:
                count.failures += 1
                count.last_error, count.last_status = entry.error, entry.status
                self._failures[lane.provider.name, entry.error or ""] += 1

    def _count(self, lane: Lane) -> _LaneCount:
        key = (lane.provider.name, lane.key.id, lane.model)
        if key not in self._lanes and len(self._lanes) >= _MAX_LANES:
            key = (lane.provider.name, lane.key.id, "*")
        count = self._lanes.get(key)
        if count is None:
            count = self._lanes[key] = _LaneCount(key[0], lane.key.name, key[1], key[2])
        count.weight, count.enabled = lane.key.weight, lane.key.enabled
        return count

    def settle(self, record: Record) -> None:
        """Count a finished request."""
        provider = record.provider or "none"
        self._requests[provider, record.operation or "other", record.outcome] += 1
        self._durations[provider].observe(record.duration_us)
        if record.ttft_us is not None:
            self._first_tokens[provider].observe(record.ttft_us)
        self._tokens[provider, "input"] += record.input_tokens or 0
        self._tokens[provider, "output"] += record.output_tokens or 0
        self._overhead.observe(record.overhead_us)

    def lanes(self) -> list[dict[str, Any]]:
        """Every lane that was used. It is drawn by weight alone, so it is always ready and worth the same."""
        known = {"state": "ready", "multiplier": 1.0, "why": ""}
        return [{**asdict(count), **known} for count in list(self._lanes.values())]

    def metrics(self, gauges: Mapping[str, tuple[str, int]], lookups: Mapping[tuple[str, str], int]) -> str:
        """Prometheus text; ``gauges`` maps a name to its help and its value, ``lookups`` kind and result."""
        lines: list[str] = []

        def family(name: str, kind: str, text: str) -> str:
            lines.extend((f"# HELP ferrogate_{name} {text}.", f"# TYPE ferrogate_{name} {kind}"))
            return f"ferrogate_{name}"

        def counter(name: str, text: str, labels: tuple[str, ...], values: Mapping[Any, int]) -> None:
            full = family(name, "counter", text)
            for key, value in sorted(values.items()):
                named = ",".join(f'{label}="{part}"' for label, part in zip(labels, key, strict=True))
                lines.append(f"{full}_total{{{named}}} {value}")

        requests = ("provider", "operation", "outcome")
        counter("requests", "Requests by provider, operation and outcome", requests, self._requests)
        kinds = ("kind", "result")
        counter("cache_lookups", "Lookups of kept answers by what came of them", kinds, lookups)
        errors = ("provider", "error")
        counter("attempt_failures", "Failed attempts by provider and error", errors, self._failures)
        for name, text, histograms in (
            ("request_duration_seconds", "From the first byte in to the last byte out", self._durations),
            (
                "time_to_first_token_seconds",
                "From the first byte in to the first content",
                self._first_tokens,
            ),
        ):
            full = family(name, "histogram", text)
            for provider, histogram in sorted(histograms.items()):
                lines.extend(histogram.lines(full, f'provider="{provider}"'))
        counter("tokens", "Tokens as providers counted them", ("provider", "direction"), self._tokens)
        full = family("overhead_seconds", "histogram", "The gateway's own share of a request")
        lines.extend(self._overhead.lines(full, ""))
        for name, (text, value) in gauges.items():
            lines.append(f"{family(name, 'gauge', text)} {value}")
        return "\n".join(lines) + "\n"
