"""Ferrogate: an LLM gateway that serves traffic like a compiled proxy and reads like a Python package.

Everything public is here and loads when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferrogate.embed import asgi_app, lifespan
    from ferrogate.providers.base import ProviderSpec

    __version__: str

__all__ = ["ProviderSpec", "__version__", "asgi_app", "lifespan"]

_HOMES = {
    "ProviderSpec": "ferrogate.providers.base",
    "asgi_app": "ferrogate.embed",
    "lifespan": "ferrogate.embed",
}


def __getattr__(name: str) -> Any:
    value: Any
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            value = version("ferrogate")
        except PackageNotFoundError:  # a source tree that was never installed
            value = "0+unknown"
    elif name in _HOMES:
        from importlib import import_module

        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
