import hashlib

import pytest

from ferrogate.engine.effective import (
    AliasEntry,
    GatewayKeyEntry,
    Stored,
    TargetEntry,
    check_stored_settings,
)
from ferrogate.errors import ConfigError


@pytest.mark.parametrize(
    ("flag", "environ", "file", "store", "value", "source"),
    [
        (None, None, None, None, 32 * 2**20, None),
        (None, None, None, "1MiB", 2**20, "store"),
        (None, None, "2MiB", "1MiB", 2 * 2**20, "file"),
        (None, "3MiB", "2MiB", "1MiB", 3 * 2**20, "env"),
        ("4MiB", "3MiB", "2MiB", "1MiB", 4 * 2**20, "flag"),
        ("4MiB", None, None, "1MiB", 4 * 2**20, "flag"),
        (None, "3MiB", None, "1MiB", 3 * 2**20, "env"),
    ],
)
def test_flags_win_over_environment_over_file_over_store(
    effective, flag, environ, file, store, value, source
):
    result = effective(
        f"limits: {{json_body: {file}}}\n" if file else "",
        {"GATEWAY_LIMITS_JSON_BODY": environ} if environ else {},
        Stored(settings={"limits.json_body": store} if store else {}),
        {"limits.json_body": flag},
    )
    assert result.settings.limits.json_body_bytes == value
    assert result.sources.get("limits.json_body") == source


def test_a_setting_says_where_it_was_said(effective, tmp_path):
    result = effective("log: {level: debug}\n", {"GATEWAY_PORT": "1"}, None, {"server.host": "0.0.0.0"})
    assert result.origins == {
        "log.level": f"{tmp_path}/gateway.yaml:1:14",
        "server.port": "GATEWAY_PORT",
        "server.host": "--host",
    }
    assert result.auth_required


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"limits.json_bod": "1MiB"}, "limits.json_bod is not known here; did you mean json_body?"),
        ({"limit.json_body": "1MiB"}, "did you mean limits?"),
        ({"limits": {}}, "limits"),
        ({"limits.json_body": "many"}, "limits.json_body is not a size"),
        ({"server.tls": {}}, "server.tls.cert is missing"),
    ],
)
def test_a_wrong_stored_setting_is_refused_when_it_is_made(settings, says):
    with pytest.raises(ConfigError) as caught:
        check_stored_settings(settings)
    assert says in str(caught.value)


def test_a_wrong_stored_setting_does_not_stop_the_gateway(effective):
    result = effective("", {}, Stored(settings={"limits.json_body": "many"}))
    assert result.settings.limits.json_body_bytes == 32 * 2**20
    assert result.warnings[0].startswith("the stored settings were left out: ")


def test_an_alias_of_the_file_hides_the_store_s(effective):
    stored = Stored(
        aliases=(
            AliasEntry("chat", (TargetEntry("groq", "store"),)),
            AliasEntry("other", (TargetEntry("groq", "x", 2.0), TargetEntry("gone", "y"))),
            AliasEntry("lost", (TargetEntry("gone", "y"),)),
        )
    )
    result = effective("models: {chat: [openai/file]}\n", {}, stored)
    assert [
        (alias.name, alias.source, [str(target) for target in alias.targets]) for alias in result.aliases
    ] == [
        ("chat", "file", ["openai/file"]),
        ("other", "store", ["groq/x"]),
    ]
    assert result.warnings == (
        "alias other: target gone/y was left out, its provider does not exist",
        "alias lost: target gone/y was left out, its provider does not exist",
    )


def test_the_environment_s_gateway_key_stands_beside_the_store_s(effective):
    digest = hashlib.sha256(b"gw-secret").hexdigest()
    mine = GatewayKeyEntry("gk_1", "team", "team", "0" * 64)
    twin = GatewayKeyEntry("gk_2", "same", "same", digest)
    result = effective("", {"GATEWAY_KEY": "gw-secret"}, Stored(gateway_keys=(mine, twin)))
    assert result.gateway_keys == (
        GatewayKeyEntry("env:GATEWAY_KEY", "GATEWAY_KEY", "env:GATEWAY_KEY", digest),
        mine,
    )
    assert effective("", {}, Stored(gateway_keys=(mine,))).gateway_keys == (mine,)
