"""``gateway bench cache``: what the semantic cache would serve among pairs that people labelled."""

from ferrogate.cli.bench.cache.command import EPILOG, cache

__all__ = ["EPILOG", "cache"]
