"""BERT's encoder in numpy and double precision, which the crate's vectors are compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Weights = Mapping[str, np.ndarray]

_ERF = np.vectorize(math.erf)


def vector(weights: Weights, config: Mapping[str, Any], ids: Sequence[int]) -> np.ndarray:
    """The mean of the last layer's rows, scaled to length one."""
    epsilon = config["layer_norm_eps"]
    x = (
        weights["embeddings.word_embeddings.weight"][ids]
        + weights["embeddings.position_embeddings.weight"][: len(ids)]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    x = _norm(weights, "embeddings", x, epsilon)
    for index in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{index}"
        mixed = _attention(weights, f"{name}.attention.self", x, config["num_attention_heads"])
        x = _norm(
            weights,
            f"{name}.attention.output",
            x + _linear(weights, f"{name}.attention.output.dense", mixed),
            epsilon,
        )
        inner = _linear(weights, f"{name}.intermediate.dense", x)
        inner = 0.5 * inner * (1 + _ERF(inner / math.sqrt(2)))
        x = _norm(weights, f"{name}.output", x + _linear(weights, f"{name}.output.dense", inner), epsilon)
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def _attention(weights: Weights, name: str, x: np.ndarray, heads: int) -> np.ndarray:
    query, key, value = (
        np.split(_linear(weights, f"{name}.{part}", x), heads, axis=1) for part in ("query", "key", "value")
    )
    mixed = []
    for q, k, v in zip(query, key, value, strict=True):
        scores = np.exp(q @ k.T / math.sqrt(q.shape[1]))
        mixed.append(scores / scores.sum(axis=1, keepdims=True) @ v)
    return np.concatenate(mixed, axis=1)


def _linear(weights: Weights, name: str, x: np.ndarray) -> np.ndarray:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _norm(weights: Weights, name: str, x: np.ndarray, epsilon: float) -> np.ndarray:
    centred = x - x.mean(axis=1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + epsilon)
    return scaled * weights[f"{name}.LayerNorm.weight"] + weights[f"{name}.LayerNorm.bias"]
