from __future__ import annotations

from typing import Any

import pytest

from ferrogate.engine.entries import TargetEntry
from ferrogate.errors import ConfigError, ConflictError, NotFoundError

FILE = """
providers:
  filed: {kind: openai-compatible, base_url: "http://10.0.0.9/v1", keys: [{name: none, value: ""}]}
models:
  fixed: {targets: [openai/gpt-4o]}
"""


def declare(gateway: Any, **fields: Any) -> Any:
    settings = {"base_url": "http://10.0.0.1:8000/v1/", **fields}
    return gateway.services.providers.create("my-vllm", "openai-compatible", settings)


def in_engine(gateway: Any, name: str) -> Any:
    return next((one for one in gateway.engine.applied[-1].providers if one.name == name), None)


def test_a_declared_provider_is_in_the_engine(gateway: Any) -> None:
    entry = declare(gateway, headers={"x-api-key": "secret-0123456789abcdef"}, timeouts={"connect": "5s"})
    assert entry.base_url == "http://10.0.0.1:8000/v1"
    assert entry.masked_headers == {"x-api-key": "...cdef"}
    provider = in_engine(gateway, "my-vllm")
    assert provider.headers == {"x-api-key": "secret-0123456789abcdef"}
    assert (provider.timeouts.connect_ms, provider.timeouts.idle_ms) == (5_000, 300_000)


def test_a_change_keeps_what_it_does_not_name(gateway: Any) -> None:
    declare(gateway, headers={"x-team": "a"}, timeouts={"connect": "5s"})
    gateway.services.providers.change("my-vllm", {"base_url": "http://10.0.0.2/v1"})
    provider = in_engine(gateway, "my-vllm")
    assert (provider.base_url, provider.headers, provider.timeouts.connect_ms) == (
        "http://10.0.0.2/v1", {"x-team": "a"}, 5_000,
    )  # fmt: skip
    gateway.services.providers.change("my-vllm", {"headers": {}, "timeouts": {"idle": 60}})
    provider = in_engine(gateway, "my-vllm")
    assert (provider.headers, provider.timeouts.connect_ms, provider.timeouts.idle_ms) == ({}, 10_000, 60_000)


def test_one_that_ships_is_changed_and_comes_back(gateway: Any) -> None:
    shipped = gateway.services.providers.get("openai").base_url
    gateway.services.providers.change("openai", {"base_url": "http://10.0.0.3/v1"})
    assert in_engine(gateway, "openai").base_url == "http://10.0.0.3/v1"
    gateway.services.providers.delete("openai")
    assert in_engine(gateway, "openai").base_url == shipped
    with pytest.raises(ConflictError, match="ships"):
        gateway.services.providers.delete("openai")


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"base_url": "ftp://x"}, "base_url"),
        ({"base_url": "http://169.254.169.254/v1"}, "link-local"),
        ({"base_url": None}, "base_url"),
        ({"timeouts": {"connect": "soon"}}, "duration"),
        ({"timeouts": {"never": "5s"}}, "never"),
        ({"headers": {"x-a": "b\nc"}}, "line break"),
        ({"options": {"nothing": "x"}}, "nothing"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_impossible_settings_leave_no_provider(gateway: Any, fields: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        declare(gateway, **fields)
    with pytest.raises(NotFoundError):
        gateway.services.providers.get("my-vllm")


@pytest.mark.parametrize(
    ("name", "kind", "word"),
    [("My/Vllm", "openai-compatible", "name"), ("x", "opena1", "openai"), ("x", None, "x")],
)
def test_impossible_names_and_kinds(gateway: Any, name: str, kind: str | None, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        gateway.services.providers.create(name, kind, {"base_url": "http://10.0.0.1/v1"})


def test_a_provider_of_the_file_is_a_conflict(make: Any) -> None:
    gateway = make(FILE)
    for call in (
        lambda: gateway.services.providers.change("filed", {"base_url": "http://10.0.0.1/v1"}),
        lambda: gateway.services.providers.delete("filed"),
        lambda: gateway.services.providers.create(
            "filed", "openai-compatible", {"base_url": "http://10.0.0.1/v1"}
        ),
    ):
        with pytest.raises(ConflictError, match=r"gateway\.yaml"):
            call()


def test_a_deleted_provider_leaves_its_keys_unused(gateway: Any) -> None:
    declare(gateway)
    key = gateway.services.keys.create("my-vllm", "secret-0123456789")
    gateway.services.providers.delete("my-vllm")
    assert in_engine(gateway, "my-vllm") is None
    assert gateway.services.keys.get(key.id).in_force is False
    declare(gateway)
    assert gateway.services.keys.get(key.id).in_force is True
    with pytest.raises(NotFoundError):
        gateway.services.providers.delete("nothing")


def test_aliases_are_made_replaced_and_deleted(gateway: Any) -> None:
    first, second = TargetEntry("openai", "gpt-4o"), TargetEntry("groq", "llama", 0.5)
    entry, is_new = gateway.services.aliases.put("chat", [first])
    assert is_new
    assert entry.targets == (first,)
    assert gateway.services.aliases.put("chat", [second, first])[1] is False
    (alias,) = gateway.engine.applied[-1].aliases
    assert [(one.provider, one.model, one.weight) for one in alias.targets] == [
        ("groq", "llama", 0.5), ("openai", "gpt-4o", None),
    ]  # fmt: skip
    gateway.services.aliases.delete("chat")
    assert gateway.engine.applied[-1].aliases == []
    for call in (gateway.services.aliases.get, gateway.services.aliases.delete):
        with pytest.raises(NotFoundError):
            call("chat")


@pytest.mark.parametrize(
    ("name", "targets", "word"),
    [
        ("chat", [], "at least one"),
        ("", [TargetEntry("openai", "a")], "name"),
        (" chat", [TargetEntry("openai", "a")], "spaces"),
        ("chat", [TargetEntry("opena1", "a")], "openai"),
        ("chat", [TargetEntry("openai", "")], "model"),
        ("chat", [TargetEntry("openai", "a", 0.0)], "weight"),
    ],
)
def test_impossible_aliases(gateway: Any, name: str, targets: list[TargetEntry], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        gateway.services.aliases.put(name, targets)
    assert gateway.services.aliases.list() == []


def test_an_alias_of_the_file_is_a_conflict(make: Any) -> None:
    gateway = make(FILE)
    with pytest.raises(ConflictError, match=r"gateway\.yaml"):
        gateway.services.aliases.put("fixed", [TargetEntry("openai", "a")])
    with pytest.raises(ConflictError, match=r"gateway\.yaml"):
        gateway.services.aliases.delete("fixed")
