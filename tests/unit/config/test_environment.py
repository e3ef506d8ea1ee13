import pytest

from ferrogate.config import check_config
from ferrogate.config.environment import VARIABLES, read_environment


@pytest.mark.parametrize(
    ("variable", "text", "section", "attribute", "value"),
    [
        ("GATEWAY_HOST", "0.0.0.0", "server", "host", "0.0.0.0"),
        ("GATEWAY_DATA", "/var/lib/gateway", "server", "data", "/var/lib/gateway"),
        ("GATEWAY_SERVER", "uvicorn", "server", "door", "uvicorn"),
        ("GATEWAY_ENGINE", "python", "server", "engine", "python"),
        ("GATEWAY_WORKERS", "3", "server", "workers", 3),
        ("GATEWAY_MOCK", "true", "server", "mock", True),
        ("GATEWAY_DRAIN", "5s", "server", "drain_ms", 5_000),
        (
            "GATEWAY_ALLOWED_HOSTS",
            "a.example, b.example",
            "server",
            "allowed_hosts",
            ("a.example", "b.example"),
        ),
        ("GATEWAY_EXPOSE_HEADERS", "false", "server", "expose_headers", False),
        ("GATEWAY_TIMEOUTS_CONNECT", "250ms", "timeouts", "connect_ms", 250),
        ("GATEWAY_LIMITS_JSON_BODY", "1MiB", "limits", "json_body_bytes", 2**20),
        ("GATEWAY_LOG_LEVEL", "debug", "log", "level", "debug"),
        ("GATEWAY_HEDGE_ENABLED", "true", "hedge", "enabled", True),
        ("GATEWAY_HEDGE_BUDGET", "10%", "hedge", "budget", 0.1),
        ("GATEWAY_CACHE_SIZE", "1GB", "cache", "size_bytes", 10**9),
    ],
)
def test_a_variable_sets_its_setting(variable, text, section, attribute, value):
    config, problems = check_config(None, None, {variable: text})
    assert problems == []
    assert getattr(getattr(config, section), attribute) == value


@pytest.mark.parametrize(
    ("variable", "text", "section", "attribute", "value"),
    [
        ("GATEWAY_CACHE_EXACT_ENABLED", "true", "exact", "enabled", True),
        ("GATEWAY_CACHE_EXACT_TTL", "2m", "exact", "ttl_ms", 120_000),
        ("GATEWAY_CACHE_EXACT_STALE", "30s", "exact", "stale_ms", 30_000),
        ("GATEWAY_CACHE_EXACT_TOOL_CALLS", "true", "exact", "tool_calls", True),
        ("GATEWAY_CACHE_EXACT_COALESCE", "false", "exact", "coalesce", False),
        ("GATEWAY_CACHE_EXACT_IGNORE", "seed, temperature", "exact", "ignore", ("seed", "temperature")),
        ("GATEWAY_CACHE_SEMANTIC_PROFILE", "recall", "semantic", "profile", "recall"),
        ("GATEWAY_CACHE_SEMANTIC_THRESHOLD", ".9", "semantic", "threshold", 0.9),
    ],
)
def test_a_variable_sets_a_setting_of_the_cache(variable, text, section, attribute, value):
    config, problems = check_config(None, None, {variable: text})
    assert problems == []
    assert getattr(getattr(config.cache, section), attribute) == value


def test_a_variable_sets_a_setting_of_verification():
    config, problems = check_config(None, None, {"GATEWAY_CACHE_SEMANTIC_VERIFY_SHARE": "2%"})
    assert problems == []
    assert config.cache.semantic.verify.share == 0.02


def test_every_variable_leads_to_a_setting_that_exists():
    for variable in VARIABLES:
        config, problems = check_config(None, None, {variable: "\x00never valid"})
        if config is None:
            assert all(str(problem).startswith(f"{variable}: ") for problem in problems)
            assert not any("not known here" in str(problem) for problem in problems)


def test_a_variable_that_nobody_reads_is_named_with_the_nearest():
    found, warnings = read_environment({"GATEWAY_PROT": "1", "GATEWAY_XYZZY": "1", "PATH": "/bin"})
    assert found == {}
    assert warnings == [
        "GATEWAY_PROT is not a variable that the gateway reads; did you mean GATEWAY_PORT?",
        "GATEWAY_XYZZY is not a variable that the gateway reads",
    ]


def test_what_kubernetes_sets_for_a_service_named_gateway_is_left_alone():
    found, warnings = read_environment(
        {
            "GATEWAY_PORT": "tcp://10.0.0.7:8080",
            "GATEWAY_SERVICE_HOST": "10.0.0.7",
            "GATEWAY_SERVICE_PORT": "8080",
            "GATEWAY_SERVICE_PORT_HTTP": "8080",
            "GATEWAY_PORT_8080_TCP": "tcp://10.0.0.7:8080",
            "GATEWAY_PORT_8080_TCP_ADDR": "10.0.0.7",
        }
    )
    assert found == {}
    assert len(warnings) == 1
    assert warnings[0].startswith("GATEWAY_PORT is ignored: its value was set by Kubernetes")


def test_secrets_of_the_gateway_and_empty_variables_are_no_settings():
    secrets = {"GATEWAY_ADMIN_TOKEN": "a", "GATEWAY_KEY": "b", "GATEWAY_MASTER_KEY": "c", "GATEWAY_PORT": " "}
    assert read_environment(secrets) == ({}, [])


@pytest.mark.parametrize(
    ("host", "auth", "required"),
    [
        ("127.0.0.1", "auto", False), ("localhost", "auto", False), ("0.0.0.0", "auto", True),
        ("::", "auto", True),
        ("127.0.0.1", "required", True), ("0.0.0.0", "off", False), ("10.1.2.3", "auto", True),
    ],
)  # fmt: skip
def test_the_bind_decides_about_credentials(host, auth, required):
    config, _ = check_config(None, {"server.host": host, "server.auth": auth}, {})
    assert config.server.auth_required is required


def test_a_running_gateway_keeps_what_it_was_started_with():
    running, _ = check_config(None, {"server.host": "0.0.0.0", "server.port": 1}, {})
    changed, _ = check_config(None, {"server.host": "127.0.0.1", "server.port": 1, "log.level": "debug"}, {})
    assert running.restart_needed(changed) == ["server.host"]
    kept = changed.keeping(running)
    assert kept.server.auth_required
    assert kept.log.level == "debug"
