from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ferrogate.errors import ConfigError, ConflictError, NotFoundError


def test_a_gateway_key_is_shown_once_and_hashed(gateway: Any) -> None:
    made = gateway.services.gateway_keys.create("chatbot", "team-a")
    assert made.secret.startswith("fgk_")
    assert len(made.secret) == len("fgk_") + 43
    (entry,) = gateway.engine.applied[-1].auth.gateway_keys
    assert entry.sha256 == hashlib.sha256(made.secret.encode()).hexdigest()
    assert entry.tenant == "team-a"
    assert made.secret not in repr(made)
    assert made.secret not in repr(gateway.services.gateway_keys.list())
    for file in gateway.store.database.path.parent.iterdir():
        assert made.secret.encode() not in file.read_bytes()


def test_a_gateway_key_goes_from_the_engine_at_once(gateway: Any) -> None:
    made = gateway.services.gateway_keys.create("chatbot")
    assert made.view.tenant == made.view.id
    gateway.services.gateway_keys.delete(made.view.id)
    assert gateway.engine.applied[-1].auth.gateway_keys == []
    with pytest.raises(NotFoundError):
        gateway.services.gateway_keys.delete(made.view.id)


def test_gateway_key_names(gateway: Any) -> None:
    gateway.services.gateway_keys.create("chatbot")
    with pytest.raises(ConflictError):
        gateway.services.gateway_keys.create("chatbot")
    with pytest.raises(ConfigError):
        gateway.services.gateway_keys.create("a/b")
    with pytest.raises(ConfigError, match="tenant"):
        gateway.services.gateway_keys.create("b", "x/y")


def test_the_environment_s_gateway_key_cannot_be_deleted(make: Any) -> None:
    gateway = make("", {"GATEWAY_KEY": "from-the-environment"})
    (view,) = gateway.services.gateway_keys.list()
    assert view.source == "env"
    with pytest.raises(ConflictError, match="GATEWAY_KEY"):
        gateway.services.gateway_keys.delete(view.id)


def test_the_first_start_makes_both_and_the_second_nothing(make: Any) -> None:
    first = make()
    made = first.services.credentials.ensure()
    assert made.admin_token.startswith("fga_")
    assert made.gateway_key.startswith("fgk_")
    assert first.services.credentials.is_admin(made.admin_token)
    assert not first.services.credentials.is_admin(made.gateway_key)
    assert not first.services.credentials.is_admin("")
    assert not first.services.credentials.is_admin("\udcff")
    assert made.admin_token not in repr(made)
    second = make().services.credentials
    assert second.ensure() == type(made)(None, None)
    assert second.is_admin(made.admin_token)


def test_a_deleted_gateway_key_is_not_made_again(make: Any) -> None:
    gateway = make()
    gateway.services.credentials.ensure()
    (view,) = gateway.services.gateway_keys.list()
    gateway.services.gateway_keys.delete(view.id)
    assert make().services.credentials.ensure().gateway_key is None


def test_the_environment_gives_both(make: Any) -> None:
    gateway = make("", {"GATEWAY_ADMIN_TOKEN": "given", "GATEWAY_KEY": "k"})
    credentials = gateway.services.credentials
    assert credentials.ensure() == type(credentials.ensure())(None, None)
    assert credentials.is_admin("given")
    assert not credentials.is_admin("k")
    with pytest.raises(ConflictError, match="GATEWAY_ADMIN_TOKEN"):
        credentials.reset_admin_token()


def test_a_reset_ends_the_old_token_in_every_process(make: Any) -> None:
    running, command_line = make(), make()
    old = running.services.credentials.ensure().admin_token
    new = command_line.services.credentials.reset_admin_token()
    assert running.services.credentials.is_admin(new)
    assert not running.services.credentials.is_admin(old)
