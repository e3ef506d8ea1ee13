"""Results as files: everything that was measured, with the machine's facts beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ferrogate.cli.bench.load import Sample

__all__ = ["document", "write"]

FORMAT = 1


def document(
    kind: str, machine: Mapping[str, Any], samples: Sequence[Sample], *, whole: bool = True, **more: Any
) -> dict[str, Any]:
    """One result document; ``more`` is what this kind of bench adds."""
    return {
        "format": FORMAT,
        "kind": kind,
        "machine": dict(machine),
        **more,
        "samples": [sample.data(whole=whole) for sample in samples],
    }


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a document, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
