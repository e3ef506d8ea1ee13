"""One try on one lane, up to the point where its answer may be committed to the client.

Until the commit a failure here only means that the next lane is tried: the transport, a timeout, an answer
that is not whole JSON, a status or an error event before any content that is the key's or the lane's failure.
What is the client's or the content filter's is relayed.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import orjson

from ferrogate.reference.answer import Answer, Clock, LaneError
from ferrogate.reference.resolve import Lane
from ferrogate.reference.stream import Reader
from ferrogate.reference.upstream import WIRE, Wire, failure_kind, response_headers
from ferrogate.reference.verdict import Verdict, judge, secrets_of

__all__ = ["attempt"]


async def attempt(
    client: httpx.AsyncClient,
    request: httpx.Request,
    lane: Lane,
    clock: Clock,
    *,
    cap: int,
    last: bool,
    accepts: str = "",
) -> Answer:
    """Send a request on a lane and read its answer up to the commit.

    Args:
        client: see :func:`ferrogate.reference.upstream.make_client`.
        request: built for this lane.
        lane: for its timeouts.
        clock: the deadline.
        cap: bytes of a JSON answer that are collected and checked before it is sent.
        last: no other lane is left, so the first event of a stream commits it.
        accepts: the client's accept-encoding.

    Raises:
        LaneError: the lane failed, or the deadline passed.

    """
    timeouts = lane.provider.timeouts
    begun = asyncio.get_running_loop().time()
    response = await _send(client, request, clock, timeouts.connect_ms + timeouts.headers_ms)
    answer = Answer(
        response,
        response.status_code,
        response_headers(response),
        response.aiter_raw(),
        timeouts.idle_ms,
        clock,
        secrets_of(lane.provider, lane.key),
    )
    try:
        match judge(response, accepts):
            case Verdict.INVALID:
                raise LaneError("upstream_invalid")
            case Verdict.REFUSED:
                failure = await answer.collect_refusal(cap)
                if failure.retries:
                    raise LaneError(failure.kind, answer)
                answer.refusal = failure.kind
            case Verdict.EVENTS:
                answer.reader = Reader()
                answer.usage = answer.reader.usage
                await answer.prime(last=last)
            case Verdict.JSON:
                try:
                    async with asyncio.timeout_at(min(begun + timeouts.json_ms / 1000, clock.deadline)):
                        await answer.collect(cap)
                except TimeoutError:
                    raise LaneError("deadline_exceeded" if clock.expired else "upstream_timeout") from None
                if answer.complete:
                    _check(answer)
    except BaseException as error:
        if not (isinstance(error, LaneError) and error.answer is answer and not answer.complete):
            await answer.aclose()
        raise
    return answer


async def _send(
    client: httpx.AsyncClient, request: httpx.Request, clock: Clock, headers_ms: int
) -> httpx.Response:
    for again in (False, True):
        wire = Wire()
        WIRE.set(wire)
        try:
            async with clock.within(headers_ms):
                response = await client.send(request, stream=True)
            if wire.heard:
                return response
            # It lay behind another request's answer, so it is nobody's.
            await response.aclose()
            if again:
                raise LaneError("upstream_invalid")
        except TimeoutError:
            raise LaneError("deadline_exceeded" if clock.expired else "upstream_timeout") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            kind = failure_kind(error)
            if again or not wire.stale or kind != "upstream_reset":
                raise LaneError(kind) from error
    raise LaneError("upstream_reset")


def _check(answer: Answer) -> None:
    try:
        document: Any = orjson.loads(answer.ready)
    except orjson.JSONDecodeError:
        try:
            document = json.loads(answer.ready, parse_int=len)
        except (ValueError, RecursionError):
            raise LaneError("upstream_invalid") from None
    if isinstance(document, dict):
        answer.usage.read(document)
