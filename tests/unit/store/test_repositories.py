from __future__ import annotations

from pathlib import Path

import pytest

from ferrogate.errors import ConflictError, DecryptionError, NotFoundError
from ferrogate.store import Store, open_store
from ferrogate.store.aliases import StoredTarget
from ferrogate.store.ids import new_id
from ferrogate.store.providers import StoredProvider


def add_key(store: Store, name: str = "main", value: str = "sk-secret-0123456789") -> str:
    with store.database.write() as connection:
        return store.provider_keys.add(
            connection,
            provider="openai",
            name=name,
            value=value,
            masked="sk-...6789",
            weight=1.0,
            models=["*"],
            enabled=True,
        )


def test_a_key_is_sealed_on_disk_and_comes_back(store: Store) -> None:
    key_id = add_key(store)
    with store.database.read() as connection:
        assert store.provider_keys.values(connection) == {key_id: "sk-secret-0123456789"}
        row = store.provider_keys.get(connection, key_id)
        raw = connection.exec_driver_sql("SELECT value FROM provider_keys").scalar()
    assert b"secret" not in raw
    assert (row.provider, row.name, row.masked, row.models, row.enabled) == (
        "openai", "main", "sk-...6789", ("*",), True,
    )  # fmt: skip
    assert "secret" not in repr(row)


def test_a_ciphertext_moved_to_another_row_does_not_open(store: Store) -> None:
    add_key(store, "one")
    other = add_key(store, "two", "sk-other")
    with store.database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE provider_keys SET value = (SELECT value FROM provider_keys WHERE name = 'one')"
            " WHERE id = ?",
            (other,),
        )
    with store.database.read() as connection, pytest.raises(DecryptionError, match=other):
        store.provider_keys.values(connection)


def test_another_master_key_opens_nothing_but_the_list_works(tmp_path: Path) -> None:
    first = open_store(tmp_path, {})
    key_id = add_key(first)
    first.close()
    second = open_store(tmp_path, {"GATEWAY_MASTER_KEY": "00" * 32})
    try:
        with second.database.read() as connection:
            assert [row.id for row in second.provider_keys.list(connection)] == [key_id]
            with pytest.raises(DecryptionError):
                second.provider_keys.values(connection)
    finally:
        second.close()


def test_key_names_are_unique_in_a_provider(store: Store) -> None:
    add_key(store)
    with pytest.raises(ConflictError, match="main"):
        add_key(store)
    add_key(store, "spare")
    with store.database.read() as connection:
        assert [row.name for row in store.provider_keys.list(connection)] == ["main", "spare"]


def test_changing_and_removing_keys(store: Store) -> None:
    key_id, spare = add_key(store), add_key(store, "spare")
    with store.database.write() as connection:
        store.provider_keys.change(connection, key_id, {"value": "sk-new", "enabled": False, "models": ["a"]})
    with store.database.read() as connection:
        row = store.provider_keys.get(connection, key_id)
        assert (row.enabled, row.models) == (False, ("a",))
        assert store.provider_keys.values(connection)[key_id] == "sk-new"
    with pytest.raises(ConflictError), store.database.write() as connection:
        store.provider_keys.change(connection, spare, {"name": "main"})
    with store.database.write() as connection:
        store.provider_keys.remove(connection, key_id)
    for call in (
        lambda connection: store.provider_keys.get(connection, key_id),
        lambda connection: store.provider_keys.remove(connection, key_id),
        lambda connection: store.provider_keys.change(connection, key_id, {"weight": 2.0}),
    ):
        with pytest.raises(NotFoundError, match=key_id), store.database.write() as connection:
            call(connection)


def test_provider_credentials_are_sealed(store: Store) -> None:
    declared = StoredProvider(
        name="my-vllm",
        kind="openai-compatible",
        base_url="http://10.0.0.1:8000/v1",
        headers={"x-api-key": "very-secret"},
        query={"token": "also-secret"},
        timeouts={"connect_ms": 5_000},
        options={"api": "v1"},
    )
    with store.database.write() as connection:
        store.providers.add(connection, declared)
    with store.database.read() as connection:
        assert store.providers.list(connection) == [declared]
        raw = connection.exec_driver_sql("SELECT sealed FROM providers").scalar()
    assert b"secret" not in raw
    assert "secret" not in repr(declared)
    with pytest.raises(ConflictError), store.database.write() as connection:
        store.providers.add(connection, declared)
    with store.database.write() as connection:
        store.providers.remove(connection, "my-vllm")
    with pytest.raises(NotFoundError), store.database.write() as connection:
        store.providers.replace(connection, declared)


def test_aliases_are_put_and_replaced(store: Store) -> None:
    first, second = StoredTarget("openai", "gpt-4o-mini"), StoredTarget("groq", "llama", 0.5)
    with store.database.write() as connection:
        assert store.aliases.put(connection, "chat", [first]) is True
        assert store.aliases.put(connection, "chat", [second, first]) is False
    with store.database.read() as connection:
        (alias,) = store.aliases.list(connection)
    assert (alias.name, alias.targets) == ("chat", (second, first))
    with store.database.write() as connection:
        store.aliases.remove(connection, "chat")
    with pytest.raises(NotFoundError), store.database.write() as connection:
        store.aliases.remove(connection, "chat")


def test_gateway_keys_default_to_a_tenant_of_their_own(store: Store) -> None:
    with store.database.write() as connection:
        own = store.gateway_keys.add(connection, name="a", tenant=None, sha256="0" * 64, masked="m")
        given = store.gateway_keys.add(connection, name="b", tenant="team", sha256="1" * 64, masked="m")
    assert own.tenant == own.id
    assert given.tenant == "team"
    with pytest.raises(ConflictError), store.database.write() as connection:
        store.gateway_keys.add(connection, name="a", tenant=None, sha256="2" * 64, masked="m")
    with store.database.write() as connection:
        store.gateway_keys.remove(connection, own.id)
    with store.database.read() as connection:
        assert store.gateway_keys.list(connection) == [given]


def test_internal_settings_stay_inside(store: Store) -> None:
    with store.database.write() as connection:
        store.settings.put(connection, "internal.secret", "x")
        store.settings.put(connection, "limits.json_body", "1MiB")
        store.settings.put(connection, "limits.json_body", "2MiB")
    with store.database.write() as connection:
        assert store.settings.all(connection) == {"limits.json_body": "2MiB"}
        assert store.settings.get(connection, "internal.secret") == "x"
        store.settings.remove(connection, "limits.json_body")
        assert store.settings.all(connection) == {}


def test_ids_sort_by_age_and_do_not_repeat() -> None:
    ids = [new_id("key") for _ in range(1_000)]
    assert len(set(ids)) == 1_000
    assert all(len(one) == 30 and one.startswith("key_") for one in ids)
    assert [one[:14] for one in ids] == sorted(one[:14] for one in ids)
