r"""Text of others on a terminal or in a log file: shown, and never obeyed.

A model's name, a tag or a provider's word may hold anything. Written out as it came, an escape sequence moves
the cursor, rewrites what was shown or sets the terminal's title; a line break makes two log lines of one; a
character that turns the direction shows a name as another. So such characters are written as ``\x1b``.
"""

from __future__ import annotations

import logging
from typing import Final

__all__ = ["LineFormatter", "printable", "printable_json"]

_TURNS: Final = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_BREAKS: Final = (0x2028, 0x2029)
_OBEYED: Final = (*range(0x20), *range(0x7F, 0xA0), *_TURNS, *_BREAKS)
_SHOWN: Final = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _OBEYED}
_BUT_LINES: Final = {code: text for code, text in _SHOWN.items() if chr(code) not in "\n\t"}
_IN_JSON: Final = {code: f"\\u{code:04x}" for code in _OBEYED if code >= 0x20}


def printable(text: str, *, lines: bool = False) -> str:
    """Return a text with every character written out that a terminal would obey.

    Args:
        text: what somebody else said.
        lines: keep line breaks and tabs.

    """
    return text.translate(_BUT_LINES if lines else _SHOWN)


def printable_json(document: str) -> str:
    """Return the same JSON, with what ``json.dumps(ensure_ascii=False)`` leaves to a terminal as escapes."""
    return document.translate(_IN_JSON)


class LineFormatter(logging.Formatter):
    """One record begins one line: what follows in it is indented, so that no text looks like a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text."""
        return printable(super().format(record), lines=True).replace("\n", "\n    ")
