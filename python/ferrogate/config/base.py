"""What every section of ``gateway.yaml`` is: immutable, strict, and able to say itself as people write it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["Section", "listed", "written_name"]


class Section(BaseModel):
    """Base of every section: immutable, no unknown keys, no input values in its errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def sections(cls) -> dict[str, type[Section]]:
        """Return what holds settings of its own, by attribute; the rest are values themselves."""
        annotations = {name: field.annotation for name, field in cls.model_fields.items()}
        return {
            name: kind
            for name, kind in annotations.items()
            if isinstance(kind, type) and issubclass(kind, Section)
        }

    def written(self) -> dict[str, Any]:
        """Return it as ``gateway.yaml`` and the API write it: ``{"ttl": "300s"}``."""
        return self.model_dump(mode="json", by_alias=True)

    def said(self) -> dict[str, Any]:
        """Return the same without what is null, and without the sections that say nothing."""
        return _without_nothing(self.model_dump(mode="json", by_alias=True, exclude_none=True))


def _without_nothing(found: dict[str, Any]) -> dict[str, Any]:
    inner = {
        name: _without_nothing(value) if isinstance(value, dict) else value for name, value in found.items()
    }
    return {name: value for name, value in inner.items() if value != {}}


def written_name(model: type[BaseModel], attribute: str) -> str:
    """Return the name that people write for an attribute."""
    return model.model_fields[attribute].alias or attribute


def listed(value: object) -> object:
    """One text where a list is asked for: split at commas, as an environment variable writes it."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
