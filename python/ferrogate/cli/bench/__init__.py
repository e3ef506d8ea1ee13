"""``gateway bench``: load on one target, or several servers side by side on one mock provider."""

from ferrogate.cli.bench.commands import app

__all__ = ["app"]
