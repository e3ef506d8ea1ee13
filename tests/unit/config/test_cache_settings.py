"""``cache``: at the top, under an alias, by variable; and the place of each mistake."""

import pytest

from ferrogate.config import check_config


@pytest.fixture
def read(tmp_path):
    def _read(text, environ=None):
        path = tmp_path / "gateway.yaml"
        path.write_text(text)
        return check_config(path, None, environ or {})

    return _read


def test_nothing_is_kept_by_default_and_equal_requests_share_where_it_is(read):
    config, problems = read("models: {chat: [openai/x]}\n")
    assert problems == []
    assert config.cache.written() == {
        "exact": {
            "enabled": False, "ttl": "300s", "stale": "0s", "tool_calls": False, "coalesce": True,
            "ignore": [],
        },
        "semantic": {
            "enabled": False, "profile": "precise", "threshold": None,
            "verify": {
                "enabled": False, "share": 0.01, "target": 0.02, "per_minute": 6, "freeze": False,
            },
        },
        "embedder": {"model": "minilm", "path": None, "threads": 1, "queue": 16},
        "persist": True,
        "size": "256MB",
    }  # fmt: skip
    assert config.models["chat"].cache.said() == {}


def test_it_stands_at_the_top_and_under_an_alias(read):
    config, problems = read(
        "cache: {exact: {enabled: true, ttl: 1h, ignore: [seed]}, size: 1GiB}\n"
        "models:\n  chat: {targets: [openai/x], cache: {exact: {ttl: 90, ignore: []}, "
        "semantic: {profile: recall}}}\n"
    )
    assert problems == []
    assert (config.cache.exact.ttl_ms, config.cache.size_bytes) == (3_600_000, 2**30)
    assert config.models["chat"].cache.said() == {
        "exact": {"ttl": "90s", "ignore": []}, "semantic": {"profile": "recall"},
    }  # fmt: skip


def test_verification_stands_at_the_top_and_under_an_alias(read):
    config, problems = read(
        "cache: {semantic: {verify: {enabled: true, share: 5%, per_minute: 10}}}\n"
        "models:\n  chat: {targets: [openai/x], cache: {semantic: {verify: {target: 1%, freeze: true}}}}\n"
    )
    assert problems == []
    verify = config.cache.semantic.verify
    assert (verify.enabled, verify.share, verify.target, verify.per_minute) == (True, 0.05, 0.02, 10)
    own = config.models["chat"].cache
    assert own.said() == {"semantic": {"verify": {"target": 0.01, "freeze": True}}}
    assert own.semantic.verify.enabled is None


def test_a_variable_wins_over_the_file_and_has_a_place(read):
    text = "cache: {exact: {enabled: false, ttl: 1m}}\n"
    config, problems = read(text, {"GATEWAY_CACHE_EXACT_ENABLED": "true"})
    assert problems == []
    assert (config.cache.exact.enabled, config.cache.exact.ttl_ms) == (True, 60_000)
    places = dict(config.places.settings())
    assert str(places["cache.exact.enabled"]) == "GATEWAY_CACHE_EXACT_ENABLED"
    assert str(places["cache.exact.ttl"]).endswith("gateway.yaml:1:38")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cache: true\n", "1:8: cache must hold keys and values"),
        ("cache: {exact: true}\n", "1:16: cache.exact must hold keys and values"),
        ("cache: {exakt: {}}\n", "1:9: cache.exakt is not known here; did you mean exact?"),
        ("cache: {exact: {tll: 1s}}\n", "1:17: cache.exact.tll is not known here; did you mean ttl?"),
        ("cache: {exact: {ttl: 0}}\n", "1:22: cache.exact.ttl must be more than 0"),
        ("cache: {exact: {stale: soon}}\n", "1:24: cache.exact.stale is not a duration"),
        ("cache: {size: 1kB}\n", "1:15: cache.size must be at least 1MB"),
        (
            "cache: {exact: {ignore: [seed, messages]}}\n",
            "1:32: cache.exact.ignore[1] says what is asked for, so requests that differ in messages have",
        ),
        ("cache: {exact: {ignore: ['a b']}}\n", "1:26: cache.exact.ignore[0] is not the name of a member"),
        (
            "cache: {semantic: {profile: loose}}\n",
            "1:29: cache.semantic.profile must be one of 'precise' or 'recall'",
        ),
        (
            "cache: {semantic: {verify: {target: 0.1%}}}\n",
            "1:37: cache.semantic.verify.target must be from 0.005 to 0.5",
        ),
        (
            "cache: {semantic: {verify: {per_minute: 1}}}\n",
            "1:41: cache.semantic.verify.per_minute must be at least 2",
        ),
        (
            "cache: {semantic: {verify: {shares: 1}}}\n",
            "1:29: cache.semantic.verify.shares is not known here; did you mean share?",
        ),
        (
            "models:\n  chat:\n    targets: [openai/x]\n    cache: {semantic: {verify: {share: 2}}}\n",
            "4:40: models.chat.cache.semantic.verify.share is not between 0 and 1",
        ),
        ("cache: {semantic: {threshold: 80}}\n", "1:31: cache.semantic.threshold must be at most 1"),
        (
            "models:\n  chat:\n    targets: [openai/x]\n    cache: {size: 1GB}\n",
            "4:13: models.chat.cache.size is not known here; known are exact, semantic",
        ),
        (
            "models:\n  chat:\n    targets: [openai/x]\n    cache: {exact: {ttl: never}}\n",
            "4:26: models.chat.cache.exact.ttl is not a duration",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(read, tmp_path, text, says):
    _, problems = read(text)
    (problem,) = problems
    assert str(problem).startswith(f"{tmp_path}/gateway.yaml:{says}")
