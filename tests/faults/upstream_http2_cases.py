"""What providers do that speak HTTP/2, for the rows of ``upstream_reach_table.py``."""

from __future__ import annotations

import threading

from h2.errors import ErrorCodes

from harness.chat import ANSWER, DONE, FINISH, delta
from harness.h2_upstream import H2Script, H2Stream

EVENTS = "text/event-stream"
SEEN = threading.Event()
"""Set when the client has its first bytes."""


def fine(stream: H2Stream) -> None:
    stream.answer(ANSWER)


def refused(stream: H2Stream) -> None:
    stream.reset(ErrorCodes.REFUSED_STREAM)


def not_processed(stream: H2Stream) -> None:
    stream.go_away(last=max(0, stream.number - 2))
    stream.finish()


def dies(stream: H2Stream) -> None:
    stream.close()


def goes_away_and_on(stream: H2Stream) -> None:
    stream.headers(EVENTS)
    stream.data(delta("a"))
    stream.go_away()
    stream.data(FINISH + DONE, end=True)


def goes_away_in_anger(stream: H2Stream) -> None:
    stream.headers(EVENTS)
    stream.data(delta("a"))
    assert SEEN.wait(20)
    stream.go_away(ErrorCodes.INTERNAL_ERROR)
    stream.finish()


def breaks_off(code: ErrorCodes) -> H2Script:
    def script(stream: H2Stream) -> None:
        stream.headers(EVENTS)
        stream.data(delta("a"))
        assert SEEN.wait(20)
        stream.reset(code)

    return script


def half_of_json(stream: H2Stream) -> None:
    stream.headers()
    stream.data(ANSWER[:-20])
    stream.reset(ErrorCodes.NO_ERROR)


def resets(stream: H2Stream) -> None:
    stream.reset(ErrorCodes.INTERNAL_ERROR)


def goes_away_behind(stream: H2Stream) -> None:
    """The connection stays open, and takes nothing more."""
    stream.answer(ANSWER)
    stream.go_away()
