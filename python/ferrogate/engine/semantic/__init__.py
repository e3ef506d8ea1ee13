"""The parts of the semantic cache as Python sees them: weights, embedder, guard, keys."""

from ferrogate.engine.semantic.calls import (
    Embedder,
    Neighbours,
    RequestKey,
    asked,
    cosine,
    judge,
    request_key,
)
from ferrogate.engine.semantic.kept import (
    Ask,
    Facts,
    answer_events,
    answer_facts,
    answer_whole,
    cache_ask,
)
from ferrogate.engine.semantic.weights import PACKAGE, weights_folder

__all__ = [
    "PACKAGE",
    "Ask",
    "Embedder",
    "Facts",
    "Neighbours",
    "RequestKey",
    "answer_events",
    "answer_facts",
    "answer_whole",
    "asked",
    "cache_ask",
    "cosine",
    "judge",
    "request_key",
    "weights_folder",
]
