"""``python -m ferrogate`` is ``gateway``."""

from __future__ import annotations

from ferrogate.cli import main

if __name__ == "__main__":
    main()
