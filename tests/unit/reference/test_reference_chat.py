"""JSON answers: what goes up, what comes back, what is logged."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from fake_provider import CHAT, a_key, a_provider, a_snapshot, by_key, hang, plain, says, until

from ferrogate.engine.snapshot import Alias, Auth, GatewayKey, Limits, Target

BODY = b'{ "model" : "gpt-x", "temperature":1.0, "seed": 123456789012345678901234567890, "messages":[] }'


async def test_answers_with_the_providers_bytes_and_names_itself(provider, drive):
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"))))
    reply = await driver.call(BODY, headers={"x-request-id": "mine", "x-gateway-tags": "team=red, env=dev"})
    assert (reply.status, reply.body, reply.finished) == (200, CHAT, True)
    assert reply.headers["x-provider"] == "yes"
    assert reply.headers["x-gateway-provider"] == "openai"
    assert reply.headers["x-gateway-key"] == "one"
    assert reply.headers["x-gateway-model"] == "gpt-x"
    assert reply.headers["x-gateway-attempts"] == "1"
    assert reply.headers["x-gateway-cache"] == "off"
    assert "set-cookie" not in reply.headers
    row = await driver.row()
    assert row["request_id"] == reply.headers["x-gateway-request-id"]
    assert (row["door"], row["operation"], row["status"], row["outcome"], row["error"]) == (
        "python",
        "chat.completions",
        200,
        "ok",
        None,
    )
    assert (row["input_tokens"], row["output_tokens"], row["cached_tokens"], row["finish_reason"]) == (
        7,
        2,
        3,
        "stop",
    )
    assert (row["client_request_id"], orjson.loads(row["tags"])) == ("mine", {"team": "red", "env": "dev"})
    assert (row["request_bytes"], row["response_bytes"]) == (len(BODY), len(CHAT))
    assert (row["attempts"], row["attempts_json"]) == (1, None)
    assert row["duration_us"] >= row["upstream_us"] > 0


async def test_changes_the_model_and_not_one_other_byte(provider, drive):
    alias = Alias(name="gpt-x", targets=[Target(provider="openai", model='real"é')])
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one")), aliases=[alias]))
    assert (await driver.call(BODY)).status == 200
    assert provider.asked[0].body == BODY.replace(b'"gpt-x"', '"real\\"é"'.encode())


async def test_sends_the_providers_credential_and_no_header_that_is_not_its_business(provider, drive):
    openai = a_provider(
        "openai", provider.base_url, a_key("one"), forward_headers=["openai-"], headers={"x-set": "1"}
    )
    other = a_provider("other", provider.base_url, a_key("two"), query="api-version=1")
    driver = drive(a_snapshot(openai, other))
    sent = {
        "authorization": "Bearer sk-client",
        "x-api-key": "k",
        "cookie": "c=1",
        "x-forwarded-for": "9.9.9.9",
        "x-gateway-tags": "a=b",
        "openai-organization": "org",
        "anthropic-version": "1",
        "x-custom": "kept",
        "accept-encoding": "gzip",
        "x-set": "client",
    }
    await driver.call({"model": "openai/a"}, headers=sent)
    await driver.call({"model": "other/b"}, headers=sent, query=b"x=1")
    first, second = provider.asked
    assert first.headers["authorization"] == "Bearer one"
    assert first.headers["accept-encoding"] == "identity"
    assert (first.headers["x-custom"], first.headers["x-set"]) == ("kept", "1")
    assert first.headers["openai-organization"] == "org"
    assert (
        not {"x-api-key", "cookie", "x-forwarded-for", "x-gateway-tags", "anthropic-version"}
        & first.headers.keys()
    )
    assert "openai-organization" not in second.headers
    assert second.line == "POST /v1/chat/completions?api-version=1&x=1 HTTP/1.1"
    assert orjson.loads(second.body) == {"model": "b"}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (says(plain(500, b"{}")), "upstream_status"),
        (says(plain(429, b"{}", "retry-after: 3")), "upstream_status"),
        (says(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{", close=True), "upstream_cut"),
        (says(plain(200, b'{"a":')), "upstream_invalid"),
        (says(plain(200, b"<html>", content_type="text/html")), "upstream_invalid"),
        (says(b"NOT HTTP\r\n\r\n", close=True), "upstream_invalid"),
        (says(b"", close=True), "upstream_reset"),
        (hang, "upstream_timeout"),
    ],
)
async def test_the_next_lane_is_tried(provider, drive, bad, reason):
    provider.script = by_key(bad=bad, good=says(plain(200, CHAT)))
    keys = (a_key("bad"), a_key("good"))
    first, second = (
        a_provider(name, provider.base_url, key) for name, key in zip(("a", "b"), keys, strict=True)
    )
    alias = Alias(name="m", targets=[Target(provider="a", model="x"), Target(provider="b", model="y")])
    driver = drive(a_snapshot(first, second, aliases=[alias]))
    reply = await driver.call({"model": "m"})
    assert (reply.status, reply.body, reply.headers["x-gateway-attempts"]) == (200, CHAT, "2")
    row = await driver.row()
    tries = orjson.loads(row["attempts_json"])
    assert [entry["error"] for entry in tries] == [reason, None]
    assert (row["provider"], row["upstream_model"], row["outcome"], row["error"]) == ("b", "y", "ok", None)
    lanes = {lane["key"]: lane for lane in driver.engine.lanes()}
    assert (lanes["bad"]["failures"], lanes["bad"]["last_error"]) == (1, reason)
    assert (lanes["good"]["failures"], lanes["good"]["in_flight"]) == (0, 0)
    assert (lanes["good"]["state"], lanes["good"]["multiplier"], lanes["good"]["why"]) == ("ready", 1.0, "")


async def test_without_a_lane_left_the_last_answer_comes_as_it_was(provider, drive):
    provider.script = by_key(
        one=says(plain(500, b"{}")), two=says(plain(429, b'{"error": "slow"}', "retry-after: 7"))
    )
    alias = Alias(name="m", targets=[Target(provider=name, model="x") for name in ("a", "b")])
    driver = drive(
        a_snapshot(
            a_provider("a", provider.base_url, a_key("one")),
            a_provider("b", provider.base_url, a_key("two")),
            aliases=[alias],
        )
    )
    reply = await driver.call({"model": "m"})
    assert (reply.status, reply.body) == (429, b'{"error": "slow"}')
    assert (reply.headers["retry-after"], reply.headers["x-should-retry"]) == ("7", "false")
    row = await driver.row()
    assert (row["status"], row["outcome"], row["error"], row["attempts"]) == (
        429,
        "error",
        "upstream_status",
        2,
    )


async def test_a_rejected_request_is_relayed_and_not_sent_elsewhere(provider, drive):
    provider.script = says(plain(400, b'{"error": {"message": "no"}}'))
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"), a_key("two"))))
    reply = await driver.call({"model": "m"})
    assert (reply.status, reply.body, len(provider.asked)) == (400, b'{"error": {"message": "no"}}', 1)
    assert "x-should-retry" not in reply.headers
    row = await driver.row()
    assert (row["outcome"], row["error"]) == ("error", "upstream_rejected")


async def test_an_unreachable_provider_is_a_502(drive):
    driver = drive(a_snapshot(a_provider("openai", "http://127.0.0.1:1/v1", a_key("one"))))
    reply = await driver.call({"model": "m"})
    assert (reply.status, reply.error["code"], reply.error["type"]) == (
        502,
        "upstream_connect",
        "gateway_error",
    )
    assert "127.0.0.1" not in reply.error["message"]


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://169.254.169.254/v1", "address_refused"),
        ("http://[fe80::1]/v1", "address_refused"),
        ("http://nowhere.invalid/v1", "upstream_dns"),
    ],
)
async def test_addresses_that_are_refused(drive, url, kind):
    driver = drive(a_snapshot(a_provider("openai", url, a_key("one"))))
    assert (await driver.call({"model": "m"})).error["code"] == kind


async def test_tls_to_a_plain_port_is_named(drive):
    async def shout(reader, writer):
        writer.write(b"HTTP/1.1 400 Plain\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(shout, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        driver = drive(a_snapshot(a_provider("openai", url, a_key("one"))))
        assert (await driver.call({"model": "m"})).error["code"] == "upstream_tls"


async def test_a_reused_connection_that_died_is_replaced_on_the_same_lane(provider, drive):
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"))))
    assert (await driver.call({"model": "m"})).status == 200

    async def die_once(asked, writer):
        if provider.connections == 1:
            writer.close()
        else:
            writer.write(plain(200, CHAT))

    provider.script = die_once
    reply = await driver.call({"model": "m"})
    assert (reply.status, reply.headers["x-gateway-attempts"], provider.connections) == (200, "1", 2)


async def test_the_deadline_covers_all_attempts(provider, drive):
    provider.script = hang
    keys, timeouts = (a_key("one"), a_key("two")), {"headers_ms": 60_000}
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, *keys, timeouts=timeouts)))
    reply = await driver.call({"model": "m"}, headers={"x-gateway-timeout-ms": "400"})
    assert (reply.status, reply.error["code"], len(provider.asked)) == (504, "deadline_exceeded", 1)


async def test_the_provider_is_let_go_when_the_client_leaves(provider, drive):
    provider.script = hang
    driver = drive(
        a_snapshot(a_provider("openai", provider.base_url, a_key("one"), timeouts={"headers_ms": 60_000}))
    )
    leave = asyncio.Event()
    call = asyncio.create_task(driver.call({"model": "m"}, leave=leave))
    await until(lambda: provider.asked)
    leave.set()
    reply = await call
    assert (reply.status, reply.parts) == (0, [])
    await asyncio.wait_for(provider.left.wait(), 5)
    row = await driver.row()
    assert (row["status"], row["outcome"], row["error"]) == (499, "cancelled", "client_closed")
    assert driver.engine.lanes()[0]["failures"] == 0


async def test_an_answer_beyond_the_cap_is_relayed_in_parts(provider, drive):
    big = b'{"x": "' + b"y" * 300_000 + b'"}'
    provider.script = says(plain(200, big))
    snapshot = a_snapshot(
        a_provider("openai", provider.base_url, a_key("one")), limits=Limits(answer_bytes=1000)
    )
    reply = await drive(snapshot).call({"model": "m"})
    assert (reply.body == big, reply.finished, reply.headers["content-length"]) == (True, True, str(len(big)))
    assert len(reply.parts) > 2


async def test_a_cut_beyond_the_cap_ends_without_the_last_message(provider, drive):
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999999\r\n\r\n"
    provider.script = says(head + b'{"x": "' + b"y" * 5000, close=True)
    snapshot = a_snapshot(
        a_provider("openai", provider.base_url, a_key("one")), limits=Limits(answer_bytes=1000)
    )
    driver = drive(snapshot)
    reply = await driver.call({"model": "m"})
    assert (reply.status, reply.finished) == (200, False)
    assert b"error" not in reply.body
    row = await driver.row()
    assert (row["outcome"], row["error"]) == ("cut", "upstream_cut")


async def test_gateway_keys(provider, drive):
    key = GatewayKey(
        id="gk1",
        name="app",
        tenant="red",
        sha256="2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",  # of "secret"
    )
    snapshot = a_snapshot(
        a_provider("openai", provider.base_url, a_key("one")), auth=Auth(required=True, gateway_keys=[key])
    )
    driver = drive(snapshot)
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer sk-proj-1"}):
        reply = await driver.call({"model": "m"}, headers={"host": "gateway.example", **headers})
        assert (reply.status, reply.error["code"], reply.error["type"]) == (
            401,
            "gateway_key_invalid",
            "authentication_error",
        )
        assert ("provider's key" in reply.error["message"]) == ("sk-" in str(headers))
        await driver.row()
    for headers in ({"authorization": "bearer secret"}, {"x-api-key": "secret"}, {"api-key": "secret"}):
        assert (await driver.call({"model": "m"}, headers=headers)).status == 200
        row = await driver.row()
        assert (row["tenant"], row["gateway_key"]) == ("red", "gk1")
    assert all("secret" not in str(asked.headers) for asked in provider.asked)


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"host": "evil.example"}, "host_forbidden"),
        ({"host": "localhost.evil.example:8080"}, "host_forbidden"),
        ({"origin": "http://evil.example"}, "origin_forbidden"),
        ({"origin": "null"}, "origin_forbidden"),
        ({"origin": "http://localhost:8080.evil.example"}, "origin_forbidden"),
        ({"host": "[::1]:8080"}, None),
        ({"host": "gw.internal"}, None),
        ({"origin": "http://localhost:8080"}, None),
        ({"origin": "https://app.example"}, None),
    ],
)
async def test_host_and_origin_without_credentials(provider, drive, headers, kind):
    auth = Auth(required=False, allowed_hosts=["gw.internal"], allowed_origins=["https://app.example"])
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one")), auth=auth))
    reply = await driver.call({"model": "m"}, headers=headers)
    assert (reply.status, reply.error["code"] if kind else None) == (403 if kind else 200, kind)


async def test_a_snapshot_takes_effect_for_the_next_request(provider, drive):
    driver = drive(a_snapshot(a_provider("openai", provider.base_url)))
    assert (await driver.call({"model": "m"})).error["code"] == "provider_key_missing"
    await driver.row()
    generation = driver.engine.apply(a_snapshot(a_provider("openai", provider.base_url, a_key("one"))))
    assert (await driver.call({"model": "m"})).status == 200
    assert driver.engine.status()["generation"] == generation


async def test_draining_refuses_and_waits(provider, drive):
    release = asyncio.Event()

    async def slow(asked, writer):
        await release.wait()
        writer.write(plain(200, CHAT))

    provider.script = slow
    timeouts = {"headers_ms": 60_000}
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"), timeouts=timeouts)))
    running = asyncio.create_task(driver.call({"model": "m"}))
    await until(lambda: provider.asked)
    assert await driver.engine.drain(0.01) is False
    assert (await driver.call({"model": "m"})).error["code"] == "draining"
    drained = asyncio.create_task(driver.engine.drain(5))
    release.set()
    assert await drained is True
    assert (await running).status == 200


async def test_metrics_have_bounded_labels(provider, drive):
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"))))
    await driver.call({"model": "client-chosen-name"})
    text = driver.engine.metrics()
    labels = 'provider="openai",operation="chat.completions",outcome="ok"'
    assert f"ferrogate_requests_total{{{labels}}} 1" in text
    assert 'ferrogate_tokens_total{provider="openai",direction="input"} 7' in text
    assert 'ferrogate_request_duration_seconds_bucket{provider="openai",le="+Inf"} 1' in text
    assert "client-chosen-name" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-gateway-timeout-ms", "0"),
        ("x-gateway-timeout-ms", "soon"),
        ("x-gateway-tags", "team"),
        ("x-gateway-provider", "o" * 513),
        ("x-request-id", "a\x7fb"),
    ],
)
async def test_a_wish_of_the_wrong_form_is_refused_by_name(provider, drive, name, value):
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"))))
    reply = await driver.call({"model": "m"}, headers={name: value})
    assert (reply.status, reply.error["code"], reply.error["param"]) == (400, "invalid_request", name)
    assert provider.asked == []


async def test_pins_and_fallbacks(provider, drive):
    openai = a_provider("openai", provider.base_url, a_key("one"), a_key("two"))
    other = a_provider("other", "http://127.0.0.1:1/v1", a_key("three"))
    driver = drive(a_snapshot(openai, other))
    for _ in range(5):
        reply = await driver.call({"model": "m"}, headers={"x-gateway-key": "two"})
        assert reply.headers["x-gateway-key"] == "two"
    reply = await driver.call({"model": "m"}, headers={"x-gateway-provider": "other"})
    assert reply.error["code"] == "upstream_connect"
    reply = await driver.call({"model": "other/m"}, headers={"x-gateway-fallbacks": "nope/x, openai/n"})
    assert (reply.status, reply.headers["x-gateway-model"], reply.headers["x-gateway-attempts"]) == (
        200,
        "nope/x",
        "2",
    )


async def test_cors_is_for_the_listed_origins(provider, drive):
    auth = Auth(required=False, allowed_origins=["https://app.example"])
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one")), auth=auth))
    asked = {"origin": "https://app.example", "access-control-request-method": "POST"}
    reply = await driver.call(method="OPTIONS", headers=asked)
    assert (reply.status, reply.body, provider.asked) == (204, b"", [])
    assert reply.headers["access-control-allow-origin"] == "https://app.example"
    assert "POST" in reply.headers["access-control-allow-methods"]
    reply = await driver.call({"model": "m"}, headers={"origin": "https://app.example"})
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "https://app.example")
    reply = await driver.call({"model": "m"})
    assert "access-control-allow-origin" not in reply.headers


async def test_expose_headers_off_names_no_internals(provider, drive):
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one")), expose_headers=False))
    reply = await driver.call({"model": "m"})
    ours = {name for name in reply.headers if name.startswith("x-gateway-")}
    assert ours == {"x-gateway-request-id", "x-gateway-cache"}


async def test_bounds_of_a_body(provider, drive):
    limits = Limits(json_body_bytes=100, buffered_bytes=60)
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one")), limits=limits))
    reply = await driver.call({"model": "m", "x": "y" * 100}, headers={"content-length": "10"})
    assert (reply.status, reply.error["code"]) == (413, "body_too_large")
    reply = await driver.call({"model": "m", "x": "y" * 60})
    assert (reply.status, reply.error["code"], reply.headers["retry-after"]) == (503, "overloaded", "1")
    assert (await driver.call({"model": "m"})).status == 200
    assert driver.engine.status()["buffered_bytes"] == 0
