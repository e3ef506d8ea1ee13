"""Streams: relayed byte for byte, committed at the first content, and never shown as whole when cut."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from fake_provider import (
    CHAT,
    SSE_HEAD,
    a_key,
    a_provider,
    a_snapshot,
    by_key,
    chunk,
    delta,
    hang,
    plain,
    says,
    until,
)

from ferrogate.engine.snapshot import Alias, Target

ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
ASK = {"model": "m", "stream": True}
GOOD = ROLE + delta("a") + delta("b") + END + USAGE + DONE


def stream(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return SSE_HEAD + b"".join(map(chunk, pieces)) + end


def two_lanes(provider):
    alias = Alias(name="m", targets=[Target(provider="a", model="m"), Target(provider="b", model="m")])
    return a_snapshot(
        a_provider("a", provider.base_url, a_key("one")),
        a_provider("b", provider.base_url, a_key("two")),
        aliases=[alias],
    )


async def test_relays_every_byte_and_reads_a_copy(provider, drive):
    provider.script = says(stream(ROLE, delta("a"), delta("b") + END[:9], END[9:], USAGE, DONE))
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"))))
    reply = await driver.call(ASK)
    assert (reply.status, reply.body, reply.finished) == (200, GOOD, True)
    assert reply.headers["content-type"] == "text/event-stream"
    assert "content-length" not in reply.headers
    row = await driver.row()
    assert (row["stream"], row["outcome"], row["input_tokens"], row["output_tokens"]) == (True, "ok", 4, 2)
    assert row["finish_reason"] == "stop"
    assert 0 < row["ttft_us"] <= row["duration_us"]


async def test_only_whole_events_are_relayed_and_a_cut_says_so(provider, drive):
    provider.script = says(stream(ROLE, delta("a"), delta("lost")[:10], end=b""), close=True)
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"))))
    reply = await driver.call(ASK)
    relayed = ROLE + delta("a")
    assert reply.body.startswith(relayed + b"data: ")
    assert not reply.finished
    event = orjson.loads(reply.body[len(relayed) + 6 :])
    assert (event["error"]["code"], event["error"]["type"]) == ("upstream_cut", "gateway_error")
    row = await driver.row()
    assert (row["status"], row["outcome"], row["error"]) == (200, "cut", "upstream_cut")


async def test_an_end_by_closing_counts_only_behind_the_terminator(provider, drive):
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"))))
    provider.script = says(head + GOOD, close=True)
    reply = await driver.call(ASK)
    assert (reply.body, reply.finished) == (GOOD, True)
    await driver.row()
    provider.script = says(head + ROLE + delta("a"), close=True)
    reply = await driver.call(ASK)
    assert (reply.finished, b"upstream_cut" in reply.body) == (False, True)


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ((), "upstream_cut"),
        ((ROLE,), "upstream_cut"),
        ((b'data: {"error":{"message":"overloaded"}}\n\n',), "upstream_error_event"),
        ((b'data: {"object":"error","message":"overloaded","code":500}\n\n',), "upstream_error_event"),
        ((ROLE, b'data: {"error":{"message":"overloaded"}}\n\n'), "upstream_error_event"),
    ],
)
async def test_before_the_first_content_another_lane_takes_over(provider, drive, pieces, reason):
    provider.script = by_key(one=says(stream(*pieces, end=b""), close=True), two=says(stream(GOOD)))
    driver = drive(two_lanes(provider))
    reply = await driver.call(ASK)
    assert (reply.body, reply.finished, reply.headers["x-gateway-provider"]) == (GOOD, True, "b")
    row = await driver.row()
    assert [entry["error"] for entry in orjson.loads(row["attempts_json"])] == [reason, None]


async def test_behind_the_first_content_no_lane_takes_over(provider, drive):
    error = b'data: {"error":{"message":"overloaded"}}\n\n'
    provider.script = by_key(one=says(stream(ROLE, delta("a"), error)), two=says(stream(GOOD)))
    driver = drive(two_lanes(provider))
    reply = await driver.call(ASK)
    assert (reply.body, reply.finished) == (ROLE + delta("a") + error, True)
    row = await driver.row()
    assert (row["outcome"], row["error"], row["attempts"]) == ("error", "upstream_error_event", 1)


async def test_with_one_lane_the_first_event_is_not_held_back(provider, drive):
    go = asyncio.Event()

    async def script(asked, writer):
        writer.write(SSE_HEAD + chunk(ROLE))
        await go.wait()
        writer.write(chunk(delta("a")) + chunk(DONE) + b"0\r\n\r\n")

    provider.script = script
    timeouts = {"idle_ms": 60_000}
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"), timeouts=timeouts)))
    call = asyncio.create_task(driver.call(ASK))
    await until(lambda: driver.last and driver.last.parts)
    assert driver.last.parts == [ROLE]
    go.set()
    assert (await call).body == ROLE + delta("a") + DONE


async def test_with_two_lanes_quiet_events_wait_a_second_at_most(provider, drive, monkeypatch):
    monkeypatch.setattr("ferrogate.reference.answer._PATIENCE", 0.05)
    go = asyncio.Event()

    async def script(asked, writer):
        writer.write(SSE_HEAD + chunk(ROLE))
        await go.wait()
        writer.write(chunk(DONE) + b"0\r\n\r\n")

    provider.script = script
    snapshot = two_lanes(provider)
    driver = drive(snapshot)
    call = asyncio.create_task(driver.call(ASK))
    await until(lambda: driver.last and driver.last.parts)
    assert driver.last.parts == [ROLE]
    go.set()
    assert (await call).body == ROLE + DONE


async def test_an_idle_stream_is_cut_by_its_own_clock(provider, drive):
    async def script(asked, writer):
        writer.write(SSE_HEAD + chunk(delta("a")))
        await asyncio.sleep(60)

    provider.script = script
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"))))
    reply = await driver.call(ASK)
    assert (reply.finished, b'"code":"upstream_timeout"' in reply.body) == (False, True)
    await asyncio.wait_for(provider.left.wait(), 5)


async def test_the_clients_own_timeout_covers_the_stream(provider, drive):
    async def script(asked, writer):
        writer.write(SSE_HEAD)
        while True:
            writer.write(chunk(delta("a")))
            await asyncio.sleep(0.02)

    provider.script = script
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"))))
    reply = await driver.call(ASK, headers={"x-gateway-timeout-ms": "400"})
    assert (reply.finished, b'"code":"deadline_exceeded"' in reply.body) == (False, True)


async def test_the_client_leaving_stops_the_provider(provider, drive):
    async def script(asked, writer):
        writer.write(SSE_HEAD + chunk(delta("a")))
        await asyncio.sleep(60)

    provider.script = script
    timeouts = {"idle_ms": 60_000}
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"), timeouts=timeouts)))
    leave = asyncio.Event()
    call = asyncio.create_task(driver.call(ASK, leave=leave))
    await until(lambda: driver.last and driver.last.parts)
    leave.set()
    await call
    await asyncio.wait_for(provider.left.wait(), 5)
    row = await driver.row()
    assert (row["status"], row["outcome"], row["error"]) == (200, "cancelled", "client_closed")


async def test_a_huge_event_flows_and_its_cut_is_only_an_abnormal_end(provider, drive):
    big = b"data: " + b"x" * 200_000
    provider.script = says(stream(delta("a"), big, end=b""), close=True)
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"))))
    reply = await driver.call(ASK)
    assert (reply.body, reply.finished) == (delta("a") + big, False)


async def test_an_answer_that_is_no_stream_is_relayed_as_it_is(provider, drive):
    provider.script = says(plain(200, CHAT))
    driver = drive(a_snapshot(a_provider("openai", provider.base_url, a_key("one"))))
    reply = await driver.call(ASK)
    assert (reply.body, reply.finished) == (CHAT, True)


async def test_a_hanging_first_lane_of_a_stream_times_out(provider, drive):
    provider.script = by_key(one=hang, two=says(stream(GOOD)))
    reply = await drive(two_lanes(provider)).call(ASK)
    assert (reply.body, reply.headers["x-gateway-attempts"]) == (GOOD, "2")
