import pytest

from ferrogate.engine.effective import ProviderKey, Stored

ENVIRON = {"OPENAI_API_KEY": "sk-environment"}


def stored_key(name, value="sk-store", provider="openai", **fields):
    return ProviderKey(f"key_{name}", provider, name, value, source="store", **fields)


def in_file(*names):
    keys = ", ".join(f"{{name: {name}, value: sk-file}}" for name in names)
    return f"providers: {{openai: {{keys: [{keys}]}}}}\n"


@pytest.mark.parametrize(
    ("file", "store", "environ", "in_force", "unused"),
    [
        ((), (), {}, [], []),
        ((), (), ENVIRON, ["env:openai/OPENAI_API_KEY"], []),
        (("a",), (), {}, ["file:openai/a"], []),
        ((), ("a",), {}, ["key_a"], []),
        (("a",), (), ENVIRON, ["file:openai/a"], ["env:openai/OPENAI_API_KEY"]),
        ((), ("a",), ENVIRON, ["key_a"], ["env:openai/OPENAI_API_KEY"]),
        (("a",), ("a",), {}, ["file:openai/a"], ["key_a"]),
        (("a",), ("b",), {}, ["file:openai/a", "key_b"], []),
        (
            ("b", "a"),
            ("a", "c"),
            ENVIRON,
            ["file:openai/b", "file:openai/a", "key_c"],
            ["key_a", "env:openai/OPENAI_API_KEY"],
        ),
    ],
)
def test_who_wins(effective, file, store, environ, in_force, unused):
    stored = Stored(keys=tuple(stored_key(name) for name in store))
    result = effective(in_file(*file) if file else "", environ, stored)
    assert [key.id for key in result.keys] == in_force
    assert [key.id for key in result.unused] == unused


def test_a_disabled_key_does_not_bring_the_environment_s_in(effective):
    result = effective("", ENVIRON, Stored(keys=(stored_key("a", enabled=False),)))
    assert [key.id for key in result.keys] == ["key_a"]


def test_the_environment_s_key_stands_in_where_another_provider_has_keys(effective):
    stored = Stored(keys=(stored_key("a", provider="groq"),))
    result = effective("", ENVIRON, stored)
    assert [key.id for key in result.keys] == ["key_a", "env:openai/OPENAI_API_KEY"]


def test_a_key_says_where_it_comes_from(effective, tmp_path):
    result = effective(
        in_file("a"), {"GROQ_API_KEY": "gsk"}, Stored(keys=(stored_key("b", origin="the data folder"),))
    )
    groq, a, b = result.keys
    assert (groq.source, groq.origin, groq.name) == ("env", "GROQ_API_KEY", "GROQ_API_KEY")
    assert (a.source, a.origin) == ("file", f"{tmp_path}/gateway.yaml:1:29")
    assert (b.source, b.origin) == ("store", "the data folder")


def test_an_environment_s_key_that_cannot_be_sent_is_ignored_with_a_warning(effective):
    result = effective("", {"OPENAI_API_KEY": "sk\nSECRET"})
    assert result.keys == ()
    assert result.warnings == ("OPENAI_API_KEY is ignored: it contains a line break",)


def test_an_environment_s_key_belongs_to_the_provider_of_that_name_only(effective):
    text = "providers: {other: {kind: openai, base_url: 'https://other.example.com/v1'}}\n"
    result = effective(text, ENVIRON)
    assert result.keys_of("other") == ()
    assert [key.provider for key in result.keys] == ["openai"]


def test_a_key_without_a_base_url_or_provider_is_named(effective):
    stored = Stored(keys=(stored_key("lost", provider="gone"),))
    result = effective("", {"AZURE_OPENAI_API_KEY": "k"}, stored)
    assert result.keys == ()
    assert [key.id for key in result.unused] == ["key_lost", "env:azure/AZURE_OPENAI_API_KEY"]
    lost, azure = result.warnings
    assert lost == "key lost is not used: there is no provider gone"
    assert azure == (
        "key AZURE_OPENAI_API_KEY is not used: azure has no base URL; set AZURE_OPENAI_ENDPOINT, or write "
        "providers.azure.base_url in gateway.yaml"
    )


def test_no_secret_in_repr(effective):
    result = effective(
        in_file("a"), {"GATEWAY_KEY": "gw-SECRET"}, Stored(keys=(stored_key("b", value="sk-SECRET"),))
    )
    assert [key.value for key in result.keys] == ["sk-file", "sk-SECRET"]
    assert "sk-" not in repr(result)
    assert "SECRET" not in repr(result)
