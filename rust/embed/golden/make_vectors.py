"""Writes minilm.json, vectors of the model, and tiny/, a model of the same shape with invented weights.

``python make_vectors.py FOLDER``, the folder of the model; needs ``pip install numpy safetensors
tokenizers``. The tiny model's weights are not written down: ``tests/embed/tiny.rs`` invents the same
numbers from the same seed. A vector is 384 numbers of single precision, each eight hexadecimal digits.
"""

from __future__ import annotations

import json
import string
import sys
from pathlib import Path
from typing import Any

import numpy as np
from reference import vector
from safetensors.numpy import load_file
from tokenizers import Tokenizer

HERE = Path(__file__).parent
TINY = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 384,
    "intermediate_size": 64,
    "num_attention_heads": 12,
    "num_hidden_layers": 2,
    "max_position_embeddings": 48,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
}

QUESTIONS = (HERE / "questions.txt").read_text("utf-8").splitlines()
PARAGRAPH = (
    "A gateway takes requests from many applications and hands them to the providers of language models. "
    "It picks a key and a model, watches how each of them is doing, tries another one when the first "
    "fails, and keeps count of what was used and what it cost. "
)
LENGTHS = (1, 2, 3, 4)


def tensors() -> list[tuple[str, list[int], float, float]]:
    """Name, shape, spread and middle of the tiny model's tensors, in the order of its file."""
    width, inner = TINY["hidden_size"], TINY["intermediate_size"]
    listed = [
        ("embeddings.word_embeddings.weight", [len(vocabulary()), width], 1.0, 0.0),
        ("embeddings.position_embeddings.weight", [TINY["max_position_embeddings"], width], 0.5, 0.0),
        ("embeddings.token_type_embeddings.weight", [2, width], 0.5, 0.0),
        *norm("embeddings"),
    ]
    for index in range(TINY["num_hidden_layers"]):
        name = f"encoder.layer.{index}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            listed += linear(f"{name}.attention.{part}", width, width)
        listed += norm(f"{name}.attention.output")
        listed += linear(f"{name}.intermediate.dense", inner, width)
        listed += linear(f"{name}.output.dense", width, inner)
        listed += norm(f"{name}.output")
    return listed


def linear(name: str, into: int, depth: int) -> list[tuple[str, list[int], float, float]]:
    return [(f"{name}.weight", [into, depth], 0.25, 0.0), (f"{name}.bias", [into], 0.5, 0.0)]


def norm(name: str) -> list[tuple[str, list[int], float, float]]:
    return [(f"{name}.LayerNorm.weight", [384], 0.5, 1.0), (f"{name}.LayerNorm.bias", [384], 0.5, 0.0)]


def vocabulary() -> list[str]:
    letters = string.ascii_lowercase + string.digits
    words = ["how", "do", "i", "my", "the", "reset", "password", "change", "##ing", "##s", "##word"]
    return [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *letters,
        *(f"##{letter}" for letter in letters),
        *words,
        "?",
        ".",
    ]


def invented() -> dict[str, np.ndarray]:
    """Numbers from a linear congruential generator: the upper 24 bits of 64, spread evenly."""
    state, weights = 1, {}
    for name, shape, spread, middle in tensors():
        values = []
        for _ in range(int(np.prod(shape))):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            values.append((state >> 40) / 2**24 - 0.5)
        weights[name] = (np.array(values, np.float32) * np.float32(spread) + np.float32(middle)).reshape(
            shape
        )
    return weights


def description() -> dict[str, Any]:
    """A tokenizer.json that is padded and cut as the model's is."""
    marks = [
        {
            "id": index,
            "content": content,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for index, content in enumerate(vocabulary()[:5])
    ]
    template = [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
    ]
    return {
        "version": "1.0",
        "truncation": {"max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": {
            "strategy": {"Fixed": 8},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        },
        "added_tokens": marks,
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": template,
            "pair": template,
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {piece: index for index, piece in enumerate(vocabulary())},
        },
    }


def write(
    path: Path, weights: dict[str, np.ndarray], config: dict[str, Any], tokenizer: Tokenizer, texts: list[str]
) -> None:
    tokenizer.no_padding()
    tokenizer.no_truncation()
    weights = {name: value.astype(np.float64) for name, value in weights.items() if value.dtype == np.float32}
    lines = []
    for text in texts:
        numbers = vector(weights, config, tokenizer.encode(text).ids).astype(">f4")
        lines.append(json.dumps([text, numbers.tobytes().hex()]))
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    sys.stdout.write(f"{path.name}: {len(lines)} vectors\n")


def main() -> None:
    folder, tiny = Path(sys.argv[1]), HERE / "tiny"
    tiny.mkdir(exist_ok=True)
    config = TINY | {"vocab_size": len(vocabulary())}
    (tiny / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (tiny / "tokenizer.json").write_text(json.dumps(description(), separators=(",", ":")) + "\n")
    tokenizer = Tokenizer.from_file(str(tiny / "tokenizer.json"))
    texts = ["", "how do i reset my password?", "Changing the passwords. How?", "x " * 45, "Ünïcode 東 y"]
    write(tiny / "vectors.json", invented(), config, tokenizer, texts)

    config = json.loads((folder / "config.json").read_text("utf-8"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = QUESTIONS + [(PARAGRAPH * count).strip() for count in LENGTHS]
    write(HERE / "minilm.json", load_file(folder / "model.safetensors"), config, tokenizer, texts)


if __name__ == "__main__":
    main()
