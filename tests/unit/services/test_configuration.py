from __future__ import annotations

from typing import Any

import pytest

from ferrogate.errors import ConfigError, ConflictError, SnapshotError

KEY = "sk-abcdefghijklmnopqrst"


def test_a_change_is_in_the_engine_when_the_call_returns(gateway: Any) -> None:
    gateway.services.keys.create("openai", KEY)
    assert gateway.keys_in_engine("openai") == {"main": KEY}


def test_what_the_engine_refuses_is_not_in_the_database(gateway: Any) -> None:
    gateway.services.keys.create("openai", KEY)
    gateway.engine.refuses = True
    with pytest.raises(SnapshotError):
        gateway.services.keys.create("openai", KEY, "second")
    gateway.engine.refuses = False
    gateway.services.configuration.publish()
    assert gateway.keys_in_engine("openai") == {"main": KEY}
    assert [view.name for view in gateway.services.keys.list()] == ["main"]


def test_a_commit_that_fails_puts_the_engine_back(gateway: Any) -> None:
    gateway.services.keys.create("openai", KEY)
    configuration = gateway.services.configuration
    before = configuration.snapshot
    original = gateway.store.database.write

    class CommitFailsError(Exception):
        pass

    from contextlib import contextmanager

    @contextmanager
    def failing() -> Any:
        with original() as connection:
            yield connection
            raise CommitFailsError

    gateway.store.database.write = failing
    with pytest.raises(CommitFailsError):
        gateway.services.keys.create("openai", KEY, "second")
    del gateway.store.database.write
    assert len(gateway.engine.applied) == 3  # the first key, the second, and back
    assert gateway.engine.applied[-1] == before == configuration.snapshot
    assert gateway.keys_in_engine("openai") == {"main": KEY}


def test_the_file_is_read_again_and_a_bad_one_changes_nothing(gateway: Any) -> None:
    gateway.file.write_text("models: {chat: {targets: [openai/gpt-4o-mini]}}\n")
    assert gateway.services.configuration.reload_file() == []
    assert [alias.name for alias in gateway.engine.applied[-1].aliases] == ["chat"]
    applied = len(gateway.engine.applied)
    gateway.file.write_text("modells: {}\n")
    with pytest.raises(ConfigError, match="modells"):
        gateway.services.configuration.reload_file()
    assert len(gateway.engine.applied) == applied
    assert [alias.name for alias in gateway.services.aliases.list()] == ["chat"]


def test_a_reload_names_what_needs_a_restart(gateway: Any) -> None:
    gateway.file.write_text("server: {port: 9999}\n")
    assert gateway.services.configuration.reload_file() == ["server.port"]


def test_settings_change_and_go_back_to_their_default(gateway: Any) -> None:
    configuration = gateway.services.configuration
    configuration.change_settings({"limits.json_body": "1MiB", "server.allowed_hosts": ["gw.internal"]})
    assert gateway.engine.applied[-1].limits.json_body_bytes == 2**20
    assert gateway.engine.applied[-1].auth.allowed_hosts == ["gw.internal"]
    configuration.change_settings({"limits.json_body": None})
    assert gateway.engine.applied[-1].limits.json_body_bytes == 32 * 2**20
    assert gateway.engine.applied[-1].auth.allowed_hosts == ["gw.internal"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"server.port": 1}, "start again"),
        ({"server.auth": "off"}, "start again"),
        ({"limits.nothing": 1}, "nothing"),
        ({"nothing.at": 1}, "nothing"),
        ({"limits.json_body": "much"}, "size"),
        ({"limits.json_body": "1MiB", "timeouts.connect": "soon"}, "duration"),
    ],
)
def test_impossible_settings_change_nothing(gateway: Any, changes: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        gateway.services.configuration.change_settings(changes)
    assert gateway.engine.applied == []
    with gateway.store.database.read() as connection:
        assert gateway.store.settings.all(connection) == {}


def test_a_setting_of_the_file_is_a_conflict(make: Any) -> None:
    gateway = make("limits: {json_body: 2MiB}\n")
    with pytest.raises(ConflictError, match="configuration file"):
        gateway.services.configuration.change_settings({"limits.json_body": "1MiB"})


def test_everything_is_back_after_a_restart(make: Any) -> None:
    first = make()
    first.services.keys.create("openai", KEY, weight=0.5, models=["gpt-*"])
    first.services.providers.create("my-vllm", "openai-compatible", {"base_url": "http://10.0.0.1/v1/"})
    first.services.gateway_keys.create("chatbot", "team")
    first.services.configuration.change_settings({"log.level": "debug"})
    again = make()
    assert again.services.configuration.snapshot == first.services.configuration.snapshot
    assert again.services.configuration.effective.settings.log.level == "debug"


def test_a_reload_cannot_take_authentication_off_a_running_gateway(gateway: Any) -> None:
    before = gateway.engine.applied[-1].auth.required if gateway.engine.applied else False
    other = "off" if before else "required"
    gateway.file.write_text(f"server: {{auth: {other!r}, host: 0.0.0.0}}\n")
    needed = gateway.services.configuration.reload_file()
    assert {"server.host", "server.auth"} <= set(needed)
    assert gateway.engine.applied[-1].auth.required is before
