"""What leaves towards the client: relayed answers, the gateway's own errors, and the headers of both.

A broken answer is never shown as a whole one: after a cut an error event follows where the stream can still
carry one, and then the last ASGI message is withheld, upon which the server ends the connection abnormally.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson

from ferrogate.hooks import ResponseContext
from ferrogate.reference.answer import Answer, Clock, LaneError
from ferrogate.reference.cors import cors_headers
from ferrogate.reference.errors import RequestError, error_body
from ferrogate.reference.hooks import Passage, split_events
from ferrogate.reference.record import Attempt, Record
from ferrogate.reference.stream import Event
from ferrogate.reference.upstream import Headers

__all__ = ["ClientStalledError", "Responder", "lane_message"]

_JSON: Final = (b"content-type", b"application/json")
_NO_STORE: Final = (b"cache-control", b"no-store")
_MESSAGES: Final = {
    "upstream_connect": "Provider {} could not be reached.",
    "upstream_dns": "The host name of provider {} does not resolve.",
    "upstream_tls": "The TLS handshake with provider {} failed.",
    "upstream_timeout": "Provider {} did not answer in time.",
    "upstream_reset": "Provider {} closed the connection before its answer.",
    "upstream_invalid": "The answer of provider {} is not whole JSON.",
    "upstream_error_event": "Provider {} sent an error in its stream.",
    "upstream_cut": "The answer of provider {} broke off.",
    "address_refused": "The base_url of provider {} leads to a link-local or metadata address, "
    "which the gateway never calls.",
    "deadline_exceeded": "The deadline passed before provider {} had answered.",
}


class ClientStalledError(Exception):
    """The client reads nothing for longer than ``limits.client_stall`` allows."""


def lane_message(kind: str, provider: str) -> str:
    """Return the sentence for a lane that failed without an answer of its own."""
    return _MESSAGES[kind].format(provider)


class Responder:
    """The answering half of one request.

    Attributes:
        committed: the status line is out, so nothing else can be said.
        finished: the last message is out.
        origin: the page that may read the answer, for CORS.
        keep_deadline: the client set a timeout of its own, which covers a stream to its end.

    """

    def __init__(
        self,
        send: Callable[[dict[str, Any]], Awaitable[None]],
        record: Record,
        *,
        expose: bool,
        stall_ms: int,
        origin: str | None,
    ) -> None:
        self._send = send
        self._record = record
        self._expose = expose
        self._stall = stall_ms / 1000
        self.origin = origin
        self.keep_deadline = False
        self.committed = False
        self.finished = False
        self.passage: Passage | None = None

    async def answer(self, answer: Answer, entry: Attempt) -> None:
        """Send a provider's answer to its end, and note how it ended."""
        record = self._record
        record.error = entry.error
        record.outcome = "ok" if entry.error is None else "error"
        try:
            await self._relay(answer)
        except RequestError as error:
            if not self.committed:
                raise
            record.error, record.outcome = error.kind, "cut"
            await self._body(b"data: " + error_body(error.kind, error.message) + b"\n\n")
        except LaneError as error:
            entry.error = record.error = error.kind
            record.outcome = "cut"
            if answer.is_stream and not answer.framer.flowing:
                message = lane_message(error.kind, record.provider)
                await self._body(b"data: " + error_body(error.kind, message) + b"\n\n")
        finally:
            usage = answer.usage
            record.input_tokens, record.output_tokens = usage.input_tokens, usage.output_tokens
            record.cached_tokens, record.finish_reason = usage.cached_tokens, usage.finish_reason
            failure = answer.reader.failure if answer.reader is not None else None
            if failure is not None and record.outcome == "ok":
                entry.error = record.error = "upstream_error_event"
                entry.excused = not failure.retries
                record.outcome = "error"
            await answer.aclose()

    async def refuse(self, error: RequestError) -> None:
        """Send an error of the gateway's own, where the status line is not out yet."""
        self._record.outcome, self._record.error = "error", error.kind
        if not self.committed:
            body = error_body(error.kind, error.message, error.param)
            with contextlib.suppress(ClientStalledError):
                await self.whole(error.status, [_JSON, _NO_STORE, *error.headers], body)

    async def json(self, body: bytes) -> None:
        """Send a 200 that the gateway made itself."""
        await self.whole(200, [_JSON], body)

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Send an answer that is there in full."""
        if self.passage is not None and 200 <= status < 300:
            headers, body = await self._through_hooks(status, headers, body)
        length = [] if status == 204 else [(b"content-length", b"%d" % len(body))]
        await self._start(status, [*headers, *length])
        await self._body(body, last=True)

    async def _relay(self, answer: Answer) -> None:
        if answer.complete and not answer.is_stream:
            if answer.status < 300:
                self._record.ttft_us = self._record.elapsed_us()
            if answer.taken is not None:
                answer.taken.append(answer.ready)
            await self.whole(answer.status, answer.headers, answer.ready)
            return
        length = answer.response.headers.get("content-length")
        known = [(b"content-length", length.encode())] if length is not None else []
        if answer.is_stream and not self.keep_deadline:
            answer.clock = Clock(math.inf)  # the configured deadline is over the attempts; a stream has none
        await self._start(answer.status, answer.headers + known)
        piece: bytes | None = answer.ready
        seen = self._seen(answer.status) if answer.is_stream and answer.status < 300 else None
        while piece is not None:
            if piece:
                self._note_first_token(answer)
                if answer.taken is not None:
                    answer.taken.append(piece)
                if seen is not None and not answer.framer.flowing:
                    piece = await self._events(piece, seen)
                if piece:
                    await self._body(piece)
            piece = None if answer.complete else await answer.next()
        await self._body(b"", last=True)

    def _seen(self, status: int) -> ResponseContext | None:
        """Return what hooks are told of an answer; None where there are none."""
        record = self._record
        if self.passage is None:
            return None
        return self.passage.answered(status, record.provider, record.upstream_model, record.cache)

    async def _events(self, piece: bytes, seen: ResponseContext) -> bytes:
        if self.passage is None or not self.passage.sees("on_event"):
            return piece
        events, rest = split_events(piece)
        return b"".join(await self.passage.events(events, seen)) + rest

    async def _through_hooks(self, status: int, headers: Headers, body: bytes) -> tuple[Headers, bytes]:
        media = dict(headers).get(b"content-type", b"")
        seen = self._seen(status)
        if seen is None or self.passage is None:
            return headers, body
        if media.startswith(b"text/event-stream"):
            return headers, await self._events(body, seen)
        if not media.startswith(b"application/json") or not self.passage.sees("on_response"):
            return headers, body

        def check(made: bytes) -> None:
            try:
                orjson.loads(made)
            except orjson.JSONDecodeError:
                raise ValueError("it made an answer that is no JSON") from None

        body, added = await self.passage.response(body, seen, check)
        named = {name.lower().encode(): value.encode() for name, value in added}
        return [pair for pair in headers if pair[0] not in named] + list(named.items()), body

    def _note_first_token(self, answer: Answer) -> None:
        if (
            self._record.ttft_us is None
            and answer.reader is not None
            and answer.reader.meaning is Event.CONTENT
        ):
            self._record.ttft_us = self._record.elapsed_us()

    async def _start(self, status: int, headers: Headers) -> None:
        record = self._record
        record.status = status
        record.overhead_us = max(0, record.elapsed_us() - sum(attempt.wait_us for attempt in record.attempts))
        self.committed = True
        message = {
            "type": "http.response.start",
            "status": status,
            "headers": headers + self._gateway_headers(),
        }
        await self._send(message)

    def _gateway_headers(self) -> Headers:
        record = self._record
        headers = [
            (b"x-gateway-request-id", record.request_id.encode()),
            (b"x-gateway-cache", record.cache.encode()),
        ]
        if record.similarity is not None:
            headers.append((b"x-gateway-similarity", b"%.3f" % record.similarity))
        if record.veto is not None:
            headers.append((b"x-gateway-veto", record.veto.encode()))
        if self._expose:
            if record.attempts:
                headers += [
                    (b"x-gateway-provider", record.provider.encode()),
                    (b"x-gateway-model", _header_value(record.upstream_model)),
                    (b"x-gateway-key", _header_value(record.key_name)),
                ]
            headers += [
                (b"x-gateway-attempts", b"%d" % len(record.attempts)),
                (b"x-gateway-overhead-us", b"%d" % record.overhead_us),
            ]
        if record.attempts and record.attempts[-1].dropped:
            headers.append((b"x-gateway-dropped", record.attempts[-1].dropped.encode()))
        return headers + cors_headers(self.origin)

    async def _body(self, body: bytes, *, last: bool = False) -> None:
        self._record.response_bytes += len(body)
        self.finished = last
        try:
            async with asyncio.timeout(self._stall):
                await self._send({"type": "http.response.body", "body": body, "more_body": not last})
        except TimeoutError:
            raise ClientStalledError from None


def _header_value(text: str) -> bytes:
    """Make visible ASCII of a text: a model's name comes from the client and may hold anything."""
    return "".join(character if " " <= character <= "~" else "?" for character in text).encode("ascii")
