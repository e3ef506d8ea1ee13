"""The pure Python engine (``gateway serve --engine python``): the baseline of the benchmark."""

from __future__ import annotations

from ferrogate.reference.engine import ReferenceEngine

__all__ = ["ReferenceEngine"]
