from ferrogate_provider_acme import SPEC

from ferrogate.providers.registry import Registry


def test_the_gateway_finds_it() -> None:
    registry = Registry.load()
    assert registry.warnings == ()
    assert registry.get("acme") is SPEC


def test_where_it_is_and_what_holds_its_key() -> None:
    assert SPEC.base_url == "https://llm.acme.example/v1"
    assert SPEC.env_keys == ("ACME_API_KEY",)
