import json

from ferrogate.engine.describe import describe
from ferrogate.engine.effective import GatewayKeyEntry, Stored

TEXT = """
limits: {json_body: 1MiB}
providers:
  openai:
    keys: [{name: main, value: sk-0123456789-SECRET-wxyz}]
    headers: {X-Team: search, X-Label: env.LABEL, Authorization: Bearer-0123456789-SECRET}
    query: {api-key: 0123456789-SECRET-0123456789, tier: fast}
    timeouts: {idle: 5s}
models: {chat: [openai/x, {target: openai/y, weight: 2}]}
"""
ENVIRON = {"LABEL": "label-0123456789-SECRET-9876"}


def test_everything_is_described_and_no_secret_shows(effective):
    stored = Stored(gateway_keys=(GatewayKeyEntry("gk", "team", "team", "SECRET" * 10),))
    described = describe(effective(TEXT, ENVIRON, stored))
    text = json.dumps(described)
    assert "SECRET" not in text
    assert described["settings"]["limits.json_body"]["value"] == "1MiB"
    assert described["settings"]["limits.json_body"]["source"] == "file"
    assert described["settings"]["server.port"] == {"value": 8080, "source": "default", "origin": "default"}
    assert described["gateway_keys"] == [{"id": "gk", "name": "team", "tenant": "team"}]
    assert [target["target"] for target in described["models"][0]["targets"]] == ["openai/x", "openai/y"]
    openai = next(provider for provider in described["providers"] if provider["name"] == "openai")
    assert openai["headers"] == {"X-Team": "search", "X-Label": "...9876", "Authorization": "...CRET"}
    assert openai["query"] == {"api-key": "...6789", "tier": "fast"}
    assert openai["timeouts"] == {"idle": "5s"}
    assert openai["keys"][0]["value"] == "sk-...wxyz"
    assert openai["keys"][0]["id"] == "file:openai/main"
