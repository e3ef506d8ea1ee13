"""``hedge`` and ``affinity`` of flags, environment, file and store, and what the engine is given of them."""

import pytest

from ferrogate.engine.compile import compile_snapshot
from ferrogate.engine.describe import describe
from ferrogate.engine.effective import AliasEntry, AliasOptions, Stored, TargetEntry, check_stored_settings
from ferrogate.engine.facade import check_snapshot
from ferrogate.errors import ConfigError


@pytest.mark.parametrize(
    ("file", "environ", "stored", "affinity", "source"),
    [
        ("", {}, {}, True, "default"),
        ("", {}, {"affinity": False}, False, "store"),
        ("affinity: true\n", {}, {"affinity": False}, True, "file"),
        ("affinity: true\n", {"GATEWAY_AFFINITY": "false"}, {}, False, "env"),
    ],
)
def test_who_says_a_value_at_the_top(effective, file, environ, stored, affinity, source):
    result = effective(file, environ, Stored(settings=stored))
    assert result.settings.affinity is affinity
    assert describe(result)["settings"]["affinity"]["source"] == source


def stored_alias(**said):
    return Stored(
        aliases=(AliasEntry("stored", (TargetEntry("openai", "x"),), options=AliasOptions(**said)),)
    )


def compiled(result, registry):
    snapshot = compile_snapshot(result, registry, {})
    check_snapshot(snapshot)
    return snapshot, {alias.name: alias for alias in snapshot.aliases}


def test_an_alias_overrides_what_it_names_and_leaves_the_rest(effective, registry):
    text = (
        "hedge: {enabled: true, budget: 10%}\naffinity: false\nmodels:\n"
        "  quiet: {targets: [openai/x], hedge: {enabled: false}, affinity: true}\n"
        "  plain: [openai/x]\n"
    )
    snapshot, aliases = compiled(effective(text, {}, stored_alias(hedge_budget=0.5)), registry)
    assert (snapshot.hedge.enabled, snapshot.hedge.budget, snapshot.affinity) == (True, 0.1, False)
    assert aliases["plain"].hedge is None
    assert aliases["plain"].affinity is None
    assert (aliases["quiet"].hedge.enabled, aliases["quiet"].hedge.budget) == (False, 0.1)
    assert aliases["quiet"].affinity is True
    assert (aliases["stored"].hedge.enabled, aliases["stored"].hedge.budget) == (True, 0.5)


def test_an_alias_is_described_with_what_it_says(effective):
    (alias,) = describe(effective("", {}, stored_alias(hedge_enabled=True, affinity=False)))["models"]
    assert alias["hedge"] == {"enabled": True, "budget": None}
    assert (alias["affinity"], alias["log"]) == (False, {"payloads": None})


def test_what_a_later_version_stored_is_left_out():
    options = AliasOptions.of({"payloads": False, "cache": "x"})
    assert options == AliasOptions(payloads=False)
    assert options.said() == {"payloads": False}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"affinity": "perhaps"}, "affinity must be true or false"),
        ({"affinity.enabled": True}, "affinity.enabled is not known here"),
        ({"hedge": True}, "hedge is not known here"),
        ({"hedge.budget": "6"}, "hedge.budget is not between 0 and 1"),
        ({"afinity": True}, "did you mean affinity?"),
    ],
)
def test_a_wrong_stored_value_is_refused(settings, says):
    with pytest.raises(ConfigError, match=says):
        check_stored_settings(settings)


def test_stored_values_are_read():
    settings = check_stored_settings({"affinity": False, "hedge.enabled": True, "hedge.budget": "5%"})
    assert (settings.affinity, settings.hedge.enabled, settings.hedge.budget) == (False, True, 0.05)
