"""/metrics: what is counted, under labels that clients cannot multiply."""

from __future__ import annotations

import re

from harness.chat import CHAT, chat
from harness.gateway import Gateway, until
from harness.mock import Mock
from harness.routing import Routing

SAMPLE = re.compile(r"^([a-z_]+)(?:\{([^}]*)\})? ([0-9.e+-]+|\+Inf|NaN)$")


def read(gateway: Gateway) -> dict[tuple[str, str], float]:
    answer = gateway.admin.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(
        ("text/plain; version=", "application/openmetrics-text; version=")
    )
    samples = {}
    for line in answer.text.splitlines():
        if line and not line.startswith("#"):
            match = SAMPLE.fullmatch(line)
            assert match, line
            samples[match[1], match[2] or ""] = float(match[3])
    return samples


def test_requests_failures_tokens_and_times_are_counted(
    gateway: Gateway, mock: Mock, routing: Routing
) -> None:
    bad, good = routing.provider(mock.url), routing.provider(mock.url)
    mock.script(bad.keys["main"], status=503)
    mock.script(good.keys["main"], usage="9,4")
    model = routing.alias(bad.model(), good.model())
    for _ in range(3):
        assert gateway.http.post(CHAT, content=chat(model)).status_code == 200

    def counted() -> dict[tuple[str, str], float] | None:
        samples = read(gateway)
        labels = f'provider="{good.name}",operation="chat.completions",outcome="ok"'
        return samples if samples.get(("ferrogate_requests_total", labels)) == 3 else None

    samples = until(counted, "three requests in the metrics")
    failures = ("ferrogate_attempt_failures_total", f'provider="{bad.name}",error="upstream_status"')
    assert samples[failures] == 3
    assert samples["ferrogate_tokens_total", f'provider="{good.name}",direction="input"'] == 27
    assert samples["ferrogate_tokens_total", f'provider="{good.name}",direction="output"'] == 12
    for name in ("request_duration_seconds", "time_to_first_token_seconds"):
        assert samples[f"ferrogate_{name}_count", f'provider="{good.name}"'] == 3
    assert samples["ferrogate_overhead_seconds_count", ""] >= 3
    assert samples["ferrogate_overhead_seconds_bucket", 'le="+Inf"'] >= 3
    assert ("ferrogate_in_flight_requests", "") in samples


def test_labels_are_bounded(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    """Models, keys, paths and tags are the client's to choose, so none of them is a label."""
    provider = routing.provider(mock.url)
    gateway.http.post(CHAT, content=chat(provider.model("warm")))
    before = read(gateway).keys()
    for number in range(30):
        headers = {"x-gateway-tags": f"t=tag{number}", "x-request-id": f"id{number}"}
        gateway.http.post(CHAT, content=chat(provider.model(f"model-{number}")), headers=headers)
        gateway.http.post(f"/v1/unknown{number}/x", content=chat(f"no-such-{number}/x"))
    after = read(gateway)
    fresh = {key for key in after.keys() - before if "le=" not in key[1]}
    assert len(fresh) < 25, fresh
    labels = {name for _, text in after for name in re.findall(r'(\w+)="', text)}
    assert labels <= {"provider", "operation", "outcome", "error", "direction", "le", "kind", "result"}
    values = {text for _, text in after for text in re.findall(r'(?:kind|result)="([^"]*)"', text)}
    of_the_cache = {"exact", "semantic", "hit", "miss", "joined", "far", "vetoed", "busy", "late", "too_long"}
    assert values <= of_the_cache


def test_a_forged_provider_is_no_label(gateway: Gateway) -> None:
    for number in range(20):
        gateway.http.post(CHAT, content=chat("m"), headers={"x-gateway-provider": f"forged-{number}"})
    assert not any("forged" in labels for _, labels in read(gateway))
