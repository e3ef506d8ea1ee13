import pytest

from ferrogate.engine.effective import ProviderEntry, Stored
from ferrogate.errors import ConfigError
from ferrogate.providers.builtin import BUILTIN


def names(result, configured):
    return [entry.name for entry in result.providers if entry.configured is configured]


def test_what_ships_is_there_and_not_configured(effective):
    result = effective()
    assert names(result, configured=True) == []
    addressed = [spec.name for spec in BUILTIN if spec.base_url and not spec.base_url_options]
    assert names(result, configured=False) == sorted(addressed)
    assert not {"azure", "cloudflare", "llamacpp", "openai-compatible"} & set(addressed)


@pytest.mark.parametrize(
    ("section", "environ", "url"),
    [
        ("account_id: a/b", {}, "https://api.cloudflare.com/client/v4/accounts/a%2Fb/ai/v1"),
        ("", {"CLOUDFLARE_ACCOUNT_ID": "c1"}, "https://api.cloudflare.com/client/v4/accounts/c1/ai/v1"),
        ("base_url: 'https://own.example.com'", {"CLOUDFLARE_ACCOUNT_ID": "c1"}, "https://own.example.com"),
    ],
)
def test_a_base_url_that_is_made_of_an_option(effective, section, environ, url):
    result = effective(f"providers: {{cloudflare: {{{section}}}}}\n", environ)
    assert result.provider("cloudflare").base_url == url


def test_a_base_url_that_is_made_of_an_option_needs_it(effective):
    with pytest.raises(ConfigError, match="cloudflare needs account_id, which its base URL is made of"):
        effective("providers: {cloudflare: {keys: [k]}}\n")


@pytest.mark.parametrize(
    ("text", "environ", "stored"),
    [
        ("providers: {ollama: }\n", {}, Stored()),
        ("providers: {ollama: {keys: []}}\n", {}, Stored()),
        ("providers: {ollama: {timeouts: {idle: 5s}}}\n", {}, Stored()),
        ("", {}, Stored(providers=(ProviderEntry("ollama", "ollama"),))),
    ],
)
def test_an_entry_makes_a_provider_configured(effective, text, environ, stored):
    assert names(effective(text, environ, stored), configured=True) == ["ollama"]


def test_a_key_makes_a_provider_configured(effective):
    assert names(effective("", {"GROQ_API_KEY": "gsk"}), configured=True) == ["groq"]


@pytest.mark.parametrize(
    ("file", "store", "environ", "url"),
    [
        (None, None, None, "https://api.openai.com/v1"),
        (None, None, "https://env.example.com/v1/", "https://env.example.com/v1"),
        (None, "https://store.example.com/v1", "https://env.example.com/v1", "https://store.example.com/v1"),
        ("https://file.example.com/v1", None, "https://env.example.com/v1", "https://file.example.com/v1"),
        ("https://file.example.com/v1", "https://store.example.com/v1", None, "https://file.example.com/v1"),
    ],
)
def test_whose_base_url_counts(effective, file, store, environ, url):
    text = f"providers: {{openai: {{base_url: '{file}'}}}}\n" if file else ""
    stored = Stored(providers=(ProviderEntry("openai", "openai", base_url=store),)) if store else Stored()
    result = effective(text, {"OPENAI_BASE_URL": environ} if environ else {}, stored)
    assert result.provider("openai").base_url == url


def test_a_section_that_only_adds_keys_leaves_the_store_s_settings(effective):
    stored = Stored(providers=(ProviderEntry("openai", "openai", base_url="https://store.example.com/v1"),))
    result = effective("providers: {openai: {keys: [sk-1]}}\n", {}, stored)
    entry = result.provider("openai")
    assert (entry.base_url, entry.source, entry.configured) == ("https://store.example.com/v1", "store", True)


@pytest.mark.parametrize(
    ("bind", "port", "url", "is_circle"),
    [
        ("127.0.0.1", 8080, "http://localhost:8080/openai", True),
        ("0.0.0.0", 8080, "http://127.0.0.1:8080/openai/v1", True),
        ("gateway.internal", 80, "http://gateway.internal/v1", True),
        ("127.0.0.1", 8080, "http://127.0.0.1:8081/v1", False),
        ("127.0.0.1", 8080, "http://10.0.0.1:8080/v1", False),
    ],
)
def test_a_client_s_variable_that_points_at_this_gateway_makes_no_circle(
    effective, bind, port, url, is_circle
):
    overrides = {"server.host": bind, "server.port": port}
    result = effective("", {"OPENAI_BASE_URL": url}, None, overrides)
    assert result.provider("openai").base_url == ("https://api.openai.com/v1" if is_circle else url)
    assert result.warnings == (
        ("OPENAI_BASE_URL is ignored: it points at this gateway, and requests would go in a circle",)
        if is_circle
        else ()
    )


def test_a_base_url_of_the_file_that_points_at_this_gateway_is_a_warning(effective):
    result = effective("providers: {openai: {base_url: 'http://localhost:8080/v1'}}\n")
    assert result.warnings == (
        "provider openai: base_url points at this gateway; requests would go in a circle",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "providers: {azure: {}}\n",
            "gateway.yaml:1:13: providers.azure has no base_url; write base_url: https://NAME",
        ),
        (
            "providers: {mine: {kind: openai-compatible}}\n",
            ":1:13: providers.mine has no base_url; write base_url:",
        ),
        ("providers: {azure: {api: v2}}\n", "api must be one of auto, deployments, v1"),
        (
            "models: {a: [opnai/x]}\n",
            ":1:14: models.a.targets[0] leads to 'opnai', which is not known here; did you mean openai?",
        ),
        ("models: {a: [azure/x]}\n", "models.a.targets[0] leads to 'azure'"),
    ],
)
def test_what_the_file_says_wrongly_is_refused(effective, text, says):
    with pytest.raises(ConfigError) as caught:
        effective(text)
    assert says in str(caught.value)


def test_what_the_store_says_wrongly_is_left_out_with_a_warning(effective):
    stored = Stored(
        providers=(
            ProviderEntry("gone", "plug-in-that-was-removed"),
            ProviderEntry("bare", "openai-compatible"),
            ProviderEntry("az", "azure", base_url="https://x.example.com", options={"api": "v9"}),
        )
    )
    result = effective("", {}, stored)
    assert names(result, configured=True) == []
    assert [warning.split(":")[0] for warning in result.warnings] == [
        "provider az was left out",
        "provider bare was left out",
        "provider gone was left out",
    ]


@pytest.mark.parametrize(
    ("text", "environ", "version"),
    [
        ("providers: {azure: {base_url: 'https://x.example.com'}}\n", {}, "2024-10-21"),
        (
            "providers: {azure: {base_url: 'https://x.example.com'}}\n",
            {"OPENAI_API_VERSION": "2025-01-01"},
            "2025-01-01",
        ),
        (
            "providers: {azure: {base_url: 'https://x.example.com', api_version: 2023-05-15}}\n",
            {"OPENAI_API_VERSION": "2025-01-01"},
            "2023-05-15",
        ),
        ("", {"AZURE_OPENAI_ENDPOINT": "https://x.example.com/"}, "2024-10-21"),
    ],
)
def test_options_come_from_file_then_environment_then_default(effective, text, environ, version):
    entry = effective(text, environ).provider("azure")
    assert entry.options == {"api": "auto", "api_version": version}
    assert entry.base_url == "https://x.example.com"
