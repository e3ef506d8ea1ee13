"""What the compiled engine is asked of its cache: JSON in, JSON out, and nothing where it has none."""

import json
from contextlib import contextmanager

import pytest

from ferrogate.engine.cache_calls import CacheCalls
from ferrogate.engine.facade import Engine
from ferrogate.errors import EngineError, ForkedError


class Extension:
    """Answers as the extension does, and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def cache_stats(self):
        return json.dumps({"entries": 2})

    def cache_list(self, limit, cursor, which):
        if cursor == "bad":
            raise ValueError("this is no cursor")
        self.asked.append((limit, cursor, json.loads(which)))
        return json.dumps({"items": [{"id": "a"}], "next_cursor": "7"})

    def cache_purge(self, which):
        self.asked.append(json.loads(which))
        return 5

    def cache_remove(self, entry_id):
        return entry_id == "a"


def calls(extension):
    @contextmanager
    def asked():
        try:
            yield extension
        except ValueError as error:
            raise EngineError(str(error)) from error

    return CacheCalls(asked)


def test_every_call_is_the_extension_s():
    extension = Extension()
    cache = calls(extension)
    assert cache.stats() == {"entries": 2}
    assert cache.page(3, None, {"model": "m"}) == {"items": [{"id": "a"}], "next_cursor": "7"}
    assert cache.page(3, "7", {}) == {"items": [{"id": "a"}], "next_cursor": "7"}
    assert cache.purge({"tenant": "t"}) == 5
    assert (cache.remove("a"), cache.remove("b")) == (True, False)
    assert extension.asked == [(3, None, {"model": "m"}), (3, "7", {}), {"tenant": "t"}]


def test_a_cursor_that_is_none_is_the_caller_s_mistake():
    with pytest.raises(ValueError, match="no cursor"):
        calls(Extension()).page(3, "bad", {})


def test_an_engine_asks_itself_and_minds_the_fork(effective, registry, monkeypatch):
    from ferrogate.engine.compile import compile_snapshot

    engine = Engine(compile_snapshot(effective(), registry, {}), workers=1, journal=None)
    try:
        assert engine.cache.stats().keys() >= {"entries", "hits", "misses"}
        monkeypatch.setattr(engine, "_pid", 0)
        with pytest.raises(ForkedError):
            engine.cache.stats()
    finally:
        monkeypatch.undo()
        engine.stop()
