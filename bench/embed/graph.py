"""The weights as an ONNX graph for onnxruntime: input ``ids`` (1, tokens), output ``vector`` (1, 384).

Two spellings of one network: ``fused`` with onnxruntime's own operators for whole blocks of BERT, else
ONNX's plain ones, which onnxruntime fuses as far as it can. The bench takes the faster of the two as the
one to beat.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["build"]

Weights = Mapping[str, np.ndarray]
_FUSED = "com.microsoft"


class _Graph:
    """Nodes and constants as they are written down; a node's output is its name."""

    def __init__(self, epsilon: float) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self.epsilon = epsilon

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def node(self, op: str, *inputs: str, domain: str = "", outputs: int = 1, **attributes: Any) -> str:
        name = f"{op}_{len(self.nodes)}"
        names = [name, *(f"{name}_{index}" for index in range(1, outputs))]
        self.nodes.append(helper.make_node(op, list(inputs), names, domain=domain, **attributes))
        return name

    def norm(self, x: str, scale: str, shift: str) -> str:
        return self.node("LayerNormalization", x, scale, shift, axis=-1, epsilon=self.epsilon)


def build(weights: Weights, config: Mapping[str, Any], *, fused: bool) -> bytes:
    """The whole network as a serialised ONNX model."""
    graph = _Graph(float(config["layer_norm_eps"]))
    x = (_fused_embedding if fused else _embedding)(graph, weights)
    for index in range(config["num_hidden_layers"]):
        layer = {
            name.removeprefix(f"encoder.layer.{index}."): value
            for name, value in weights.items()
            if name.startswith(f"encoder.layer.{index}.")
        }
        x = (_fused_layer if fused else _layer)(graph, x, layer, f"{index}.", config["num_attention_heads"])
    mean = graph.node("ReduceMean", x, graph.constant("tokens", np.array([1])), keepdims=0)
    graph.nodes.append(helper.make_node("LpNormalization", [mean], ["vector"], axis=-1, p=2))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "minilm",
            [helper.make_tensor_value_info("ids", TensorProto.INT32, [1, "tokens"])],
            [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, config["hidden_size"]])],
            list(graph.constants.values()),
        ),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(_FUSED, 1)],
        ir_version=9,
    )
    return onnx.ModelProto.SerializeToString(model)


def _embedding(graph: _Graph, weights: Weights) -> str:
    # The segment is always the first one: its row goes into the positions.
    positions = (
        weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    word = graph.node("Gather", graph.constant("words", weights["embeddings.word_embeddings.weight"]), "ids")
    length = graph.node("Shape", "ids", start=1, end=2)
    place = graph.node(
        "Slice",
        graph.constant("positions", positions),
        graph.constant("zero", np.array([0])),
        length,
        graph.constant("rows", np.array([0])),
    )
    return graph.norm(graph.node("Add", word, place), *_norm(graph, weights, "embeddings.", ""))


def _fused_embedding(graph: _Graph, weights: Weights) -> str:
    shape = graph.node("Shape", "ids")
    segments = graph.node(
        "ConstantOfShape", shape, value=numpy_helper.from_array(np.zeros(1, np.int32), "segment")
    )
    tables = [
        graph.constant(name, weights[f"embeddings.{name}_embeddings.weight"])
        for name in ("word", "position", "token_type")
    ]
    return graph.node(
        "EmbedLayerNormalization",
        "ids",
        segments,
        *tables,
        *_norm(graph, weights, "embeddings.", ""),
        domain=_FUSED,
        outputs=2,
        epsilon=graph.epsilon,
    )


def _layer(graph: _Graph, x: str, weights: Weights, prefix: str, heads: int) -> str:
    def linear(x: str, name: str) -> str:
        product = graph.node("MatMul", x, graph.constant(f"{prefix}{name}.w", weights[f"{name}.weight"].T))
        return graph.node("Add", product, graph.constant(f"{prefix}{name}.b", weights[f"{name}.bias"]))

    width = weights["attention.output.dense.weight"].shape[0]
    split = graph.constant(f"{prefix}split", np.array([0, 0, heads, width // heads]))
    query, key, value = (
        graph.node("Reshape", linear(x, f"attention.self.{name}"), split)
        for name in ("query", "key", "value")
    )
    scores = graph.node(
        "MatMul",
        graph.node("Transpose", query, perm=[0, 2, 1, 3]),
        graph.node("Transpose", key, perm=[0, 2, 3, 1]),
    )
    scale = graph.constant(f"{prefix}scale", np.array(np.sqrt(width / heads), np.float32))
    shares = graph.node("Softmax", graph.node("Div", scores, scale), axis=-1)
    mixed = graph.node("MatMul", shares, graph.node("Transpose", value, perm=[0, 2, 1, 3]))
    joined = graph.node(
        "Reshape",
        graph.node("Transpose", mixed, perm=[0, 2, 1, 3]),
        graph.constant(f"{prefix}join", np.array([0, 0, width])),
    )
    attended = linear(joined, "attention.output.dense")
    x = graph.norm(graph.node("Add", attended, x), *_norm(graph, weights, "attention.output.", prefix))
    inner = graph.node("Gelu", linear(x, "intermediate.dense"))
    outer = linear(inner, "output.dense")
    return graph.norm(graph.node("Add", outer, x), *_norm(graph, weights, "output.", prefix))


def _fused_layer(graph: _Graph, x: str, weights: Weights, prefix: str, heads: int) -> str:
    def product(x: str, name: str) -> str:
        return graph.node("MatMul", x, graph.constant(f"{prefix}{name}.w", weights[f"{name}.weight"].T))

    def bias(name: str) -> str:
        return graph.constant(f"{prefix}{name}.b", weights[f"{name}.bias"])

    def skip(x: str, y: str, name: str) -> str:
        return graph.node(
            "SkipLayerNormalization",
            y,
            x,
            *_norm(graph, weights, f"{name}.", prefix),
            bias(f"{name}.dense"),
            domain=_FUSED,
            epsilon=graph.epsilon,
        )

    parts = [f"attention.self.{name}" for name in ("query", "key", "value")]
    joined = np.concatenate([weights[f"{part}.weight"].T for part in parts], axis=1)
    biases = np.concatenate([weights[f"{part}.bias"] for part in parts])
    mixed = graph.node(
        "Attention",
        x,
        graph.constant(f"{prefix}qkv.w", joined),
        graph.constant(f"{prefix}qkv.b", biases),
        domain=_FUSED,
        num_heads=heads,
    )
    x = skip(x, product(mixed, "attention.output.dense"), "attention.output")
    inner = graph.node(
        "BiasGelu", product(x, "intermediate.dense"), bias("intermediate.dense"), domain=_FUSED
    )
    return skip(x, product(inner, "output.dense"), "output")


def _norm(graph: _Graph, weights: Weights, owner: str, prefix: str) -> list[str]:
    return [
        graph.constant(f"{prefix}{owner}norm.{name}", weights[f"{owner}LayerNorm.{name}"])
        for name in ("weight", "bias")
    ]
