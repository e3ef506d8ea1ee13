"""Writes the JSON Schemas of the snapshot and of ``gateway.yaml`` into ``docs/``.

``python -m ferrogate.engine.schema`` writes them, ``--check`` compares and fails where they are old. Only
providers that ship are in the file's schema; those of other packages add settings that an editor cannot know.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ferrogate.config import GatewayConfig
from ferrogate.config.base import Section, written_name
from ferrogate.config.quantities import format_bytes, format_ms
from ferrogate.config.sections import Settings
from ferrogate.engine.snapshot import Snapshot
from ferrogate.providers.builtin import BUILTIN
from ferrogate.providers.registry import Registry

__all__ = ["gateway_schema", "main", "snapshot_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def snapshot_schema() -> dict[str, Any]:
    """Describe the document that crosses into the engine."""
    return {"$schema": _DIALECT, **Snapshot.model_json_schema()}


def gateway_schema(registry: Registry) -> dict[str, Any]:
    """Describe ``gateway.yaml``, with the settings of the providers that are installed."""
    schema = GatewayConfig.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    _allow_short_forms(definitions)
    _spell_defaults(Settings, definitions)
    provider = definitions["ProviderSection"]
    provider["additionalProperties"] = False
    provider["properties"]["kind"]["description"] += f"; known are {', '.join(registry.names())}"
    for spec in registry:
        for option in spec.options:
            summary = f"{spec.name}: {option.summary}; default {option.default}"
            described: dict[str, Any] = {"type": "string", "description": summary}
            if option.choices:
                described["enum"] = list(option.choices)
            provider["properties"][option.name] = described
    later = {"description": "read by later versions; ignored with a warning"}
    definitions["AliasSection"]["anyOf"][0]["properties"]["timeouts"] = later
    schema["patternProperties"] = {"^x-": {"description": "ignored; a place for anchors"}}
    return {"$schema": _DIALECT, **schema, "title": "gateway.yaml"}


def _allow_short_forms(definitions: dict[str, Any]) -> None:
    """Let a text or a list stand for a whole section, as ``config.models`` reads it."""
    text = {"type": "string"}
    targets = definitions["AliasSection"]["properties"]["targets"]
    for name, short in (("KeySection", [text]), ("TargetSection", [text]), ("AliasSection", [text, targets])):
        definitions[name] = {"anyOf": [definitions[name], *short]}
    definitions["ProviderSection"]["type"] = ["object", "null"]


def _spell_defaults(model: type[Section], definitions: dict[str, Any]) -> None:
    """Write defaults with their unit: inside they are milliseconds, and a bare number is seconds."""
    for section in model.sections().values():
        for attribute in section.model_fields:
            described = definitions[section.__name__]["properties"][written_name(section, attribute)]
            if attribute.endswith("_ms"):
                described["default"] = format_ms(described["default"])
            elif attribute.endswith("_bytes"):
                described["default"] = format_bytes(described["default"])
        _spell_defaults(section, definitions)


def _rendered(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or compare; 1 where a file is old."""
    parser = argparse.ArgumentParser(prog="python -m ferrogate.engine.schema", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--folder", type=Path, default=Path("docs"), help="where the files are")
    options = parser.parse_args(arguments)
    files = {
        "snapshot.schema.json": snapshot_schema(),
        "gateway.schema.json": gateway_schema(Registry(BUILTIN)),
    }
    old = []
    for name, schema in files.items():
        path: Path = options.folder / name
        rendered = _rendered(schema)
        if not options.check:
            path.write_text(rendered, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != rendered:
            old.append(path)
    for path in old:
        sys.stderr.write(f"{path} is old; run python -m ferrogate.engine.schema\n")
    return 1 if old else 0


if __name__ == "__main__":
    raise SystemExit(main())
