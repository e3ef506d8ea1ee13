"""``hooks``: a team's own code on a request's way. At top level for all, under an alias for that alone.

They stand in the file alone: what can run code is not for the API to change.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from ferrogate.config.base import Section
from ferrogate.config.quantities import Timeout

__all__ = ["HookSection"]


def _anchored(value: object, info: ValidationInfo) -> object:
    """A file is found from the file that names it, so that it means the same from every working folder."""
    if not isinstance(value, str):
        return value
    where, colon, name = value.partition(":")
    if not where.endswith(".py"):
        return value
    folder = (info.context or {}).get("folder", Path())
    return f"{(folder / Path(where).expanduser()).absolute()}{colon}{name}"


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("is no name for a hook; use up to 64 letters, digits, '.', '_' and '-'")
    return name


_NAME = re.compile(r"[A-Za-z0-9._-]{0,64}", re.ASCII)
_USE_SCHEMA = {"type": "string", "description": "package.module:Name, ./file.py:Name or an entry point"}


class HookSection(Section):
    """One hook. A text alone stands for ``{use: TEXT}``."""

    use: Annotated[str, Field(min_length=1), BeforeValidator(_anchored), WithJsonSchema(_USE_SCHEMA)]
    name: Annotated[str, AfterValidator(_name)] = Field(
        default="", description="in metrics and in the log; default: what `use` names"
    )
    timeout_ms: Timeout = Field(
        default=1_000, alias="timeout", description="for one call, the wait for a thread included"
    )
    on_failure: Literal["closed", "open"] = Field(
        default="closed", description="closed: the request fails; open: it goes on without the hook"
    )
    threads: int = Field(default=4, ge=1, le=64, description="calls of plain functions at one time")
    queue: int = Field(default=1_000, ge=1, le=100_000, description="calls that wait; more of them fail")
    options: dict[str, Any] = Field(default={}, description="arguments of the class")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return {"use": value} if isinstance(value, str) else value

    @property
    def called(self) -> str:
        """The name, or the one that stands in for it."""
        if self.name:
            return self.name
        where, _, name = self.use.partition(":")
        return name or where.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
