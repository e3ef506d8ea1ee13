"""Providers and keys that one test declares on a shared gateway, under names that no other test uses."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from harness.gateway import Gateway

__all__ = ["Declared", "Routing"]

_numbers = itertools.count(1)


class Declared:
    """A provider that a test declared."""

    def __init__(self, gateway: Gateway, name: str) -> None:
        self._gateway = gateway
        self.name = name
        self.keys: dict[str, str] = {}
        """Key name to the key's value, which is unique too."""
        self.key_ids: dict[str, str] = {}

    def model(self, name: str = "m") -> str:
        """What a client asks for."""
        return f"{self.name}/{name}"

    def add_key(self, name: str, *, value: str | None = None, **settings: Any) -> str:
        """Add a key; return its value."""
        value = value or f"secret-of-{self.name}-{name}-0123456789"
        made = self._gateway.call("POST", "keys", provider=self.name, name=name, value=value, **settings)
        self.keys[name] = value
        self.key_ids[name] = made["id"]
        return value


class Routing:
    """Declares; forgets everything at the end of the test."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._undo: list[str] = []

    def provider(
        self,
        base_url: str,
        *,
        kind: str = "openai-compatible",
        keys: Sequence[str | Mapping[str, Any]] = ("main",),
        **settings: Any,
    ) -> Declared:
        """Declare a provider and its keys: names, or mappings with more settings."""
        name = f"p{next(_numbers)}"
        self._gateway.call("POST", "providers", name=name, kind=kind, base_url=base_url, **settings)
        self._undo.append(f"providers/{name}")
        declared = Declared(self._gateway, name)
        for key in keys:
            fields = {"name": key} if isinstance(key, str) else dict(key)
            declared.add_key(**fields)
        self._undo += [f"keys/{key_id}" for key_id in declared.key_ids.values()]
        return declared

    def alias(self, *targets: str | Mapping[str, Any], **settings: Any) -> str:
        """Declare an alias; return its name."""
        name = f"alias{next(_numbers)}"
        self._gateway.call("PUT", f"models/{name}", targets=list(targets), **settings)
        self._undo.append(f"models/{name}")
        return name

    def forget(self) -> None:
        for path in reversed(self._undo):
            self._gateway.admin.delete(f"/api/v1/{path}")
