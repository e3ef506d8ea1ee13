"""The three ways to run a gateway, and what the leanest of them leaves out."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["COMPILED", "Door"]


class Door(StrEnum):
    """One way in."""

    NATIVE = "native"
    UVICORN = "uvicorn"
    PYTHON = "python"

    @property
    def flags(self) -> list[str]:
        return {
            Door.NATIVE: [],
            Door.UVICORN: ["--server", "uvicorn"],
            Door.PYTHON: ["--engine", "python"],
        }[self]

    @property
    def label(self) -> str:
        """What the log's column ``door`` says."""
        return "native" if self is Door.NATIVE else self.value

    @property
    def is_compiled(self) -> bool:
        return self is not Door.PYTHON


COMPILED = (Door.NATIVE, Door.UVICORN)
