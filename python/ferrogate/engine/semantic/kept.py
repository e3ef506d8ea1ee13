"""What may be kept of answers and how they are served again: the compiled cache's own decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ferrogate.engine.facade import _core, _mapped

__all__ = ["Ask", "Facts", "answer_events", "answer_facts", "answer_whole", "cache_ask"]


class Ask(NamedTuple):
    """What may be done for a request: looked up as equal, by meaning, stored; ``max_age`` is milliseconds."""

    exact: bool
    semantic: bool
    store: bool
    max_age: int

    @property
    def is_off(self) -> bool:
        """Nothing at all."""
        return not (self.exact or self.semantic or self.store)


class Facts(NamedTuple):
    """What is known of an answer that may be kept."""

    finish: str | None
    tokens: tuple[int, int, int] | None


def cache_ask(*, exact: bool, semantic: bool, wish: str | None, control: Sequence[bytes]) -> Ask:
    """Return what a route and a client's wishes come to. Raises EngineError for a wish that is none."""
    with _mapped():
        return Ask(*_core().cache_ask(exact, semantic, wish, list(control)))


def answer_facts(path: str, body: bytes, *, tool_calls: bool) -> Facts | None:
    """Return what is known of a whole answer; None where it may not be kept."""
    with _mapped():
        refused, finish, tokens = _core().answer_judge(path, body, tool_calls)
    return None if refused is not None else Facts(finish, tokens)


def answer_whole(path: str, stream: bytes) -> bytes | None:
    """Return the whole answer that a stream brought; None where it has none."""
    with _mapped():
        whole: bytes | None = _core().answer_whole(path, stream)
        return whole


def answer_events(path: str, body: bytes, *, usage: bool) -> bytes | None:
    """Return a whole answer as a stream; None where it cannot be had."""
    with _mapped():
        events: bytes | None = _core().answer_events(path, body, usage)
        return events
