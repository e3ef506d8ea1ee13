"""Whose failure an answer is, and what follows from it."""

from __future__ import annotations

import re
from pathlib import Path

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
    plain,
    says,
)

from ferrogate.engine.snapshot import Alias, Target
from ferrogate.reference import failure
from ferrogate.reference.failure import Failure, codes_of

CLASSES = Path(__file__).parents[3] / "rust/core/src/balance/class.rs"
COMPILED = {"Limited": Failure.LIMIT}
DONE = b"data: [DONE]\n\n"
SERVED = plain(200, CHAT)
QUOTA = b'{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}'
FILTER = b'{"error":{"message":"m","type":"invalid_request_error","code":"content_filter"}}'


def test_the_codes_are_those_of_the_compiled_engine():
    rows = re.findall(r'\("(\w+)", Class::(\w+)\),', CLASSES.read_text())
    compiled = {code: COMPILED.get(name) or Failure[name.upper()] for code, name in rows}
    assert compiled
    assert compiled == failure._CODES


@pytest.mark.parametrize(
    ("status", "codes", "expected"),
    [
        (400, [], Failure.CLIENT),
        (404, [], Failure.CLIENT),
        (413, [], Failure.CLIENT),
        (422, [], Failure.CLIENT),
        (451, [], Failure.CLIENT),
        (400, ["context_length_exceeded", "invalid_request_error"], Failure.CLIENT),
        (401, ["invalid_request_error"], Failure.KEY),
        (402, [], Failure.KEY),
        (403, ["something_else"], Failure.KEY),
        (400, ["API_KEY_INVALID", "INVALID_ARGUMENT"], Failure.KEY),
        (404, ["invalid_api_key"], Failure.CLIENT),
        (429, [], Failure.LIMIT),
        (429, ["rate_limit_exceeded"], Failure.LIMIT),
        (429, ["insufficient_quota"], Failure.KEY),
        (429, ["rate_limit_exceeded", "insufficient_quota"], Failure.KEY),
        (400, ["ThrottlingException"], Failure.LIMIT),
        (503, ["RESOURCE_EXHAUSTED"], Failure.LIMIT),
        (500, ["rate_limit_exceeded"], Failure.LANE),
        (408, [], Failure.LANE),
        (409, [], Failure.LANE),
        (421, [], Failure.LANE),
        (425, [], Failure.LANE),
        (500, ["invalid_api_key"], Failure.LANE),
        (529, ["overloaded_error"], Failure.LANE),
        (400, ["content_filter"], Failure.FILTER),
        (403, ["content_policy_violation"], Failure.FILTER),
        (500, ["content_filter"], Failure.FILTER),
    ],
)
def test_a_status_and_its_codes_have_a_class(status, codes, expected):
    assert Failure.of_status(status, codes) is expected


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], Failure.LANE),
        (["overloaded_error"], Failure.LANE),
        (["rate_limit_error"], Failure.LIMIT),
        (["invalid_api_key", "invalid_request_error"], Failure.KEY),
        (["model_not_found", "invalid_request_error"], Failure.CLIENT),
        (["content_filter", "invalid_request_error"], Failure.FILTER),
    ],
)
def test_an_error_in_a_stream_has_a_class_by_its_codes(codes, expected):
    assert Failure.of_event(codes) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", []),
        (b"<html>", []),
        (b"[]", []),
        (b'"no"', []),
        (b'{"error":"no"}', []),
        (b'{"error":{"message":"m","type":"t","code":null}}', ["t"]),
        (b'{"error":{"message":"m","type":"t","code":"c"}}', ["c", "t"]),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}', ["overloaded_error"]),
        (
            b'{"error":{"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}',
            ["ResponsibleAIPolicyViolation", "content_filter"],
        ),
        (
            b'[{"error":{"code":400,"status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"},1]}}]',
            ["API_KEY_INVALID", "INVALID_ARGUMENT"],
        ),
        (b'{"error":{"type":"t"},"code":"c","type":"error"}', ["t", "c"]),
        (b'{"__type":"com.amazon#ThrottlingException","message":"m"}', ["ThrottlingException"]),
        (b'{"object":"error","message":"m","type":"BadRequestError","code":400}', ["BadRequestError"]),
        (b'{"code":"rate_limit_exceeded","error":"text"}', ["rate_limit_exceeded"]),
        (b'{"code":429,"reason":"RATE_LIMIT_EXCEEDED","message":"m"}', ["RATE_LIMIT_EXCEEDED"]),
        (b'{"detail":{"error":"text","code":"insufficient_quota"}}', ["insufficient_quota"]),
        (b'{"detail":[{"loc":["body"],"type":"int_parsing"}]}', []),
        (b'{"status":402,"title":"Payment Required","detail":"no credit"}', []),
    ],
)
def test_the_words_of_an_error_body(body, expected):
    assert list(codes_of(body)) == expected


def stream(*events: bytes) -> bytes:
    return SSE_HEAD + b"".join(map(chunk, events)) + b"0\r\n\r\n"


def two_lanes(provider, bad, good=SERVED):
    """Two lanes in their order, and what each of them says."""
    provider.script = by_key(bad=says(bad), good=says(good))
    alias = Alias(name="m", targets=[Target(provider=name, model="m") for name in ("a", "b")])
    return a_snapshot(
        a_provider("a", provider.base_url, a_key("bad")),
        a_provider("b", provider.base_url, a_key("good")),
        aliases=[alias],
    )


@pytest.mark.parametrize(
    "refusal", [plain(401, b"{}"), plain(402, b"{}"), plain(403, b"{}"), plain(429, QUOTA)]
)
async def test_the_next_key_is_tried_where_one_is_refused(provider, drive, refusal):
    driver = drive(two_lanes(provider, refusal))
    reply = await driver.call({"model": "m"})
    assert (reply.status, reply.body, reply.headers["x-gateway-attempts"]) == (200, CHAT, "2")
    row = await driver.row()
    tries = orjson.loads(row["attempts_json"])
    assert [entry["error"] for entry in tries] == ["upstream_key_refused", None]
    lanes = {lane["key"]: lane for lane in driver.engine.lanes()}
    assert (lanes["bad"]["failures"], lanes["bad"]["last_error"]) == (1, "upstream_key_refused")


async def test_a_filter_is_relayed_and_held_against_nobody(provider, drive):
    driver = drive(two_lanes(provider, plain(400, FILTER)))
    reply = await driver.call({"model": "m"})
    assert (reply.status, reply.body, reply.headers["x-gateway-attempts"]) == (400, FILTER, "1")
    row = await driver.row()
    assert (row["outcome"], row["error"]) == ("error", "upstream_filtered")
    (lane,) = driver.engine.lanes()
    assert (lane["successes"], lane["failures"], lane["last_error"]) == (1, 0, None)


@pytest.mark.parametrize("code", ["invalid_request_error", "content_filter"])
async def test_an_event_that_is_not_the_lanes_fault_is_relayed(provider, drive, code):
    event = b'data: {"error":{"message":"m","code":"%s"}}\n\n' % code.encode()
    driver = drive(two_lanes(provider, stream(event)))
    reply = await driver.call({"model": "m", "stream": True})
    assert (reply.body, reply.finished, reply.headers["x-gateway-attempts"]) == (event, True, "1")
    row = await driver.row()
    assert (row["outcome"], row["error"]) == ("error", "upstream_error_event")
    (lane,) = driver.engine.lanes()
    assert (lane["successes"], lane["failures"]) == (1, 0)


async def test_a_key_that_is_refused_in_a_stream_gives_way(provider, drive):
    event = b'data: {"error":{"message":"m","code":"invalid_api_key"}}\n\n'
    good = delta("a") + DONE
    driver = drive(two_lanes(provider, stream(event), stream(good)))
    reply = await driver.call({"model": "m", "stream": True})
    assert (reply.body, reply.headers["x-gateway-attempts"]) == (good, "2")
    row = await driver.row()
    tries = orjson.loads(row["attempts_json"])
    assert [entry["error"] for entry in tries] == ["upstream_error_event", None]


async def test_a_provider_of_another_dialect_is_skipped_where_another_one_serves(provider, drive):
    other = a_provider("other", provider.base_url, a_key("x"), dialect="anthropic")
    own = a_provider("own", provider.base_url, a_key("y"))
    alias = Alias(name="m", targets=[Target(provider=name, model="m") for name in ("other", "own")])
    driver = drive(a_snapshot(other, own, aliases=[alias]))
    reply = await driver.call({"model": "m"})
    assert (reply.status, reply.headers["x-gateway-provider"], reply.headers["x-gateway-attempts"]) == (
        200,
        "own",
        "1",
    )
    assert [asked.key for asked in provider.asked] == ["y"]
    alone = await driver.call({"model": "other/m"})
    assert (alone.status, alone.error["code"]) == (501, "not_supported")
    assert "other speaks the anthropic dialect" in alone.error["message"]
    listed = await driver.call(method="GET", path="/v1/models")
    assert listed.status == 200
    assert all(asked.key == "y" for asked in provider.asked)
