"""``cache`` of environment, file and store, and what the engine is given of it."""

import pytest

from ferrogate.config.cache import AliasCache
from ferrogate.engine.compile import compile_snapshot
from ferrogate.engine.describe import describe
from ferrogate.engine.effective import AliasEntry, AliasOptions, Stored, TargetEntry, check_stored_settings
from ferrogate.engine.facade import check_snapshot
from ferrogate.errors import ConfigError


@pytest.mark.parametrize(
    ("file", "environ", "stored", "ttl", "source"),
    [
        ("", {}, {}, "300s", "default"),
        ("", {}, {"cache.exact.ttl": "1m"}, "60s", "store"),
        ("cache: {exact: {ttl: 2m}}\n", {}, {"cache.exact.ttl": "1m"}, "120s", "file"),
        ("cache: {exact: {ttl: 2m}}\n", {"GATEWAY_CACHE_EXACT_TTL": "3m"}, {}, "180s", "env"),
    ],
)
def test_who_says_a_value_at_the_top(effective, file, environ, stored, ttl, source):
    described = describe(effective(file, environ, Stored(settings=stored)))["settings"]["cache.exact.ttl"]
    assert (described["value"], described["source"]) == (ttl, source)


def test_each_voice_leaves_the_others_their_values(effective):
    stored = Stored(settings={"cache.exact.ttl": "1m", "cache.size": "2GB", "cache.exact.coalesce": False})
    result = effective("cache: {exact: {ttl: 2m}}\n", {"GATEWAY_CACHE_EXACT_STALE": "4s"}, stored)
    cache = result.settings.cache
    assert (cache.exact.ttl_ms, cache.exact.stale_ms, cache.exact.coalesce) == (120_000, 4_000, False)
    assert cache.size_bytes == 2 * 10**9
    assert result.sources.keys() == {
        "cache.exact.ttl", "cache.exact.stale", "cache.exact.coalesce", "cache.size",
    }  # fmt: skip


def test_an_alias_overrides_what_it_names_and_leaves_the_rest(effective, registry):
    text = (
        "cache: {exact: {enabled: true, ttl: 2m, ignore: [seed]}, size: 2MB}\nmodels:\n"
        "  off: {targets: [openai/x], cache: {exact: {enabled: false}}}\n"
        "  own: {targets: [openai/x], cache: {exact: {stale: 1s, tool_calls: true, ignore: []}}}\n"
        "  meant: {targets: [openai/x], cache: {semantic: {profile: recall}}}\n"
        "  plain: [openai/x]\n"
    )
    options = AliasOptions(cache=AliasCache.model_validate({"exact": {"coalesce": False}}))
    stored = Stored(aliases=(AliasEntry("stored", (TargetEntry("openai", "x"),), options=options),))
    snapshot = compile_snapshot(effective(text, {}, stored), registry, {})
    check_snapshot(snapshot)
    top = {
        "enabled": True, "ttl_ms": 120_000, "stale_ms": 0, "tool_calls": False, "coalesce": True,
        "ignore": ["seed"],
    }  # fmt: skip
    assert snapshot.cache.exact.model_dump() == top
    assert snapshot.cache_bytes == 2_000_000
    own = {alias.name: alias.cache and alias.cache.exact.model_dump() for alias in snapshot.aliases}
    assert own == {
        "off": {**top, "enabled": False},
        "own": {**top, "stale_ms": 1_000, "tool_calls": True, "ignore": []},
        "meant": top,
        "plain": None,
        "stored": {**top, "coalesce": False},
    }


def test_an_alias_is_stored_as_people_write_it_and_read_back():
    cache = AliasCache.model_validate({"exact": {"ttl": "1500ms", "ignore": ["seed"]}})
    options = AliasOptions(affinity=True, cache=cache)
    assert options.said() == {"affinity": True, "cache": {"exact": {"ttl": "1500ms", "ignore": ["seed"]}}}
    assert AliasOptions.of(options.said()) == options


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ({"exact": {"ttl": "1s", "later": 1}, "later": {}}, {"exact": {"ttl": "1s"}}),
        ({"exact": {"ttl": "in a later version's words"}}, {}),
        ("later", {}),
    ],
)
def test_what_a_later_version_stored_is_left_out(stored, read):
    assert AliasOptions.of({"cache": stored}).cache.said() == read


HASHED = "embedder: {model: hashed}"


def semantic_of(snapshot):
    return {alias.name: alias.cache and alias.cache.semantic.model_dump() for alias in snapshot.aliases}


def test_a_profile_is_a_similarity_and_a_threshold_stands_above_it(effective, registry):
    text = (
        f"cache: {{{HASHED}, semantic: {{enabled: true, profile: recall}}}}\nmodels:\n"
        "  off: {targets: [openai/x], cache: {semantic: {enabled: false}}}\n"
        "  own: {targets: [openai/x], cache: {semantic: {threshold: 0.9}}}\n"
        "  precise: {targets: [openai/x], cache: {semantic: {profile: precise}}}\n"
        "  plain: [openai/x]\n"
    )
    snapshot = compile_snapshot(effective(text), registry, {})
    check_snapshot(snapshot)
    assert snapshot.cache.semantic.model_dump() == {"enabled": True, "threshold": 0.75, "verify": None}
    assert semantic_of(snapshot) == {
        "off": {"enabled": False, "threshold": 0.75, "verify": None},
        "own": {"enabled": True, "threshold": 0.9, "verify": None},
        "precise": {"enabled": True, "threshold": 0.8, "verify": None},
        "plain": None,
    }


def test_verification_is_laid_over_value_by_value(effective, registry):
    text = (
        f"cache: {{{HASHED}, semantic: {{enabled: true, verify: {{enabled: true, share: 0.5}}}}}}\nmodels:\n"
        "  off: {targets: [openai/x], cache: {semantic: {verify: {enabled: false}}}}\n"
        "  own: {targets: [openai/x], cache: {semantic: {verify: {target: 5%, freeze: true}}}}\n"
    )
    snapshot = compile_snapshot(effective(text), registry, {})
    check_snapshot(snapshot)
    top = {"share": 0.5, "target": 0.02, "per_minute": 6, "freeze": False}
    assert snapshot.cache.semantic.verify.model_dump() == top
    found = {name: semantic["verify"] for name, semantic in semantic_of(snapshot).items()}
    assert found == {"off": None, "own": {**top, "target": 0.05, "freeze": True}}


@pytest.mark.parametrize(
    ("cache", "alias", "model"),
    [
        ("{exact: {enabled: true}}", "{}", None),
        ("{embedder: {threads: 2}}", "{}", None),
        ("{embedder: {model: hashed}}", "{}", "hashed"),
        ("{embedder: {model: hashed}, semantic: {enabled: true}}", "{}", "hashed"),
        ("{embedder: {model: openai/e}}", "{semantic: {enabled: true}}", {"provider": "openai/e"}),
    ],
)
def test_an_embedder_is_there_where_something_asks_for_it(effective, registry, cache, alias, model):
    text = f"cache: {cache}\nmodels:\n  chat: {{targets: [openai/x], cache: {alias}}}\n"
    snapshot = compile_snapshot(effective(text), registry, {})
    check_snapshot(snapshot)
    assert (snapshot.embedder and snapshot.embedder.model) == model


def test_weights_are_looked_for_where_they_are_needed(effective, registry, tmp_path):
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).touch()
    on = "semantic: {enabled: true}"
    text = f"cache: {{embedder: {{path: {tmp_path}}}, {on}}}\n"
    assert compile_snapshot(effective(text), registry, {}).embedder.model == {"minilm": str(tmp_path)}
    python = f"server: {{engine: python, door: uvicorn}}\ncache: {{embedder: {{path: {tmp_path}}}, {on}}}\n"
    assert compile_snapshot(effective(python), registry, {}).embedder.model == {"minilm": str(tmp_path)}
    with pytest.raises(ConfigError, match="no folder /nowhere"):
        compile_snapshot(effective(f"cache: {{embedder: {{path: /nowhere}}, {on}}}\n"), registry, {})


PYTHON = (
    "server: {engine: python, door: uvicorn}\ncache: {exact: {enabled: true, stale: 1m}, "
    "embedder: {model: hashed}}\nmodels:\n"
    "  chat: {targets: [openai/x], cache: {semantic: {enabled: true, verify: {enabled: true}}}}\n"
)


def test_the_python_engine_says_what_it_does_not_do(effective):
    assert effective(PYTHON).warnings == (
        "models.chat.cache.semantic.verify has no effect: the Python engine verifies nothing",
        "cache.exact.stale has no effect: the Python engine serves fresh answers only",
    )
    by_a_provider = effective(PYTHON.replace("hashed", "openai/e")).warnings
    assert "models.chat.cache.semantic has no effect" in by_a_provider[0]
    assert effective("cache: {exact: {enabled: true}}\n").warnings == ()


def test_without_an_index_the_python_engine_says_how_to_get_one(effective, registry, monkeypatch):
    monkeypatch.setattr("ferrogate.engine.caching.find_spec", lambda _name: None)
    warned = effective(PYTHON)
    assert any("pip install 'ferrogate[python-engine]'" in warning for warning in warned.warnings)
    assert compile_snapshot(warned, registry, {}).embedder is None


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"cache.exact": True}, "cache.exact must hold keys and values"),
        ({"cache.exact.ttl": "soon"}, "cache.exact.ttl is not a duration"),
        ({"cache.size.max": 1}, "cache.size is not a size"),
        ({"cache.exact": True, "cache.exact.ttl": "1s"}, "cache.exact.ttl stands inside of a value"),
        ({"cache": 1}, "cache is not known here"),
    ],
)
def test_a_wrong_stored_value_is_refused(settings, says):
    with pytest.raises(ConfigError, match=says):
        check_stored_settings(settings)
