"""``gateway``: the command line."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run ``gateway``; the entry point of the package.

    The imports are inside, so that Ctrl-C while they run ends the command without a traceback too.
    """
    try:
        from ferrogate.cli.frame import app

        app(prog_name="gateway")
    except KeyboardInterrupt:
        sys.exit(130)
