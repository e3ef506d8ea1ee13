"""A model file small enough to make in a test: llama's architecture, random weights, one token a character.

What it says means nothing, and that is all right: what is under test is how it travels. In the output matrix
the rows of bytes and control tokens are zero, so greedy decoding yields printable text, always the same, and
never ends before ``max_tokens``.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

__all__ = ["CONTEXT", "DIMENSIONS", "write"]

CONTEXT = 16_384
"""Tokens; long enough for a stream that takes many seconds."""
DIMENSIONS = 32
_LAYERS = 2
_HEADS = 2
_FEED_FORWARD = 64
_SEED = 7

_CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}assistant:"
)


def write(path: Path) -> None:
    """Write the model to ``path``; about 200 kB."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(DIMENSIONS)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_FEED_FORWARD)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(DIMENSIONS // _HEADS)
    printable = _add_vocabulary(writer)
    _add_weights(writer, printable)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: gguf.GGUFWriter) -> range:
    """Add control tokens, one token a byte, one a printable character; return the numbers of these."""
    kinds = gguf.TokenType
    vocabulary = [("<unk>", kinds.UNKNOWN), ("<s>", kinds.CONTROL), ("</s>", kinds.CONTROL)]
    vocabulary += [(f"<0x{byte:02X}>", kinds.BYTE) for byte in range(256)]
    first = len(vocabulary)
    characters = [
        "\u2581",
        *(chr(code) for code in range(0x21, 0x7F)),
    ]  # U+2581 is the space of SentencePiece
    vocabulary += [(character, kinds.NORMAL) for character in characters]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _ in vocabulary])
    writer.add_token_scores([0.0] * len(vocabulary))
    writer.add_token_types([int(kind) for _, kind in vocabulary])
    writer.add_vocab_size(len(vocabulary))
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(_CHAT_TEMPLATE)
    return range(first, len(vocabulary))


def _add_weights(writer: gguf.GGUFWriter, printable: range) -> None:
    random = np.random.default_rng(_SEED)

    def matrix(rows: int, columns: int) -> np.ndarray:
        return random.standard_normal((rows, columns), dtype=np.float32) / np.sqrt(columns, dtype=np.float32)

    output = np.zeros((printable.stop, DIMENSIONS), dtype=np.float32)
    output[printable.start :] = matrix(len(printable), DIMENSIONS)
    norm = np.ones(DIMENSIONS, dtype=np.float32)
    writer.add_tensor(
        "token_embd.weight", matrix(printable.stop, DIMENSIONS) * np.sqrt(DIMENSIONS, dtype=np.float32)
    )
    writer.add_tensor("output_norm.weight", norm)
    writer.add_tensor("output.weight", output)
    for layer in range(_LAYERS):
        writer.add_tensor(f"blk.{layer}.attn_norm.weight", norm)
        writer.add_tensor(f"blk.{layer}.ffn_norm.weight", norm)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", matrix(DIMENSIONS, DIMENSIONS))
        writer.add_tensor(f"blk.{layer}.ffn_gate.weight", matrix(_FEED_FORWARD, DIMENSIONS))
        writer.add_tensor(f"blk.{layer}.ffn_up.weight", matrix(_FEED_FORWARD, DIMENSIONS))
        writer.add_tensor(f"blk.{layer}.ffn_down.weight", matrix(DIMENSIONS, _FEED_FORWARD))
