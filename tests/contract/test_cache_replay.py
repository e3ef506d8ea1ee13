"""The log of a gateway replayed on caches that were not there."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ferrogate.cli import cache
from harness.chat import ANSWER, CHAT
from harness.gateway import Gateway
from harness.routing import Routing
from harness.upstream import Upstream, json_answer


@pytest.mark.compiled
def test_requests_are_read_with_their_bodies(gateway: Gateway, upstream: Upstream, routing: Routing) -> None:
    upstream.script = json_answer(ANSWER)
    model = routing.provider(upstream.url).model()
    for text in (
        "How do I reset my password?",
        "How can I reset the password",
        "How do I reset my password?",
    ):
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        gateway.row(gateway.http.post(CHAT, json=body).headers["x-gateway-request-id"])
    asked = ["simulate", "--hashed", "--json", "--model", model, "--threshold", "0.5"]
    result = CliRunner().invoke(cache.app, [*asked, "--data", str(gateway.data)])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["requests"], told["skipped"]) == (3, {})
    assert told["exact_only"]["exact_hits"] == 1
    assert (told["thresholds"][0]["exact_hits"], told["thresholds"][0]["semantic_hits"]) == (1, 1)
    assert told["thresholds"][0]["tokens_saved"]["output"] > 0
