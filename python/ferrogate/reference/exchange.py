"""The life of one request: identify, read, plan, attempt, respond, settle.

An :class:`Exchange` adapts one ASGI call. Its last act is always the record, whatever happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ferrogate.hooks import RequestContext
from ferrogate.reference.answer import Answer, Clock, LaneError
from ferrogate.reference.attempt import attempt
from ferrogate.reference.body import JsonBody, parse_body, read_body
from ferrogate.reference.cache import Named, Served
from ferrogate.reference.cors import allowed_origin, is_preflight, preflight_headers
from ferrogate.reference.errors import RequestError
from ferrogate.reference.framing import check_head
from ferrogate.reference.hooks import Passage, chain_of
from ferrogate.reference.identify import CREDENTIAL_HEADERS, identify
from ferrogate.reference.quirks import fit
from ferrogate.reference.record import Record
from ferrogate.reference.resolve import Lane
from ferrogate.reference.respond import ClientStalledError, Responder, lane_message
from ferrogate.reference.route import Route, find_route
from ferrogate.reference.upstream import build_request
from ferrogate.reference.wishes import read_wishes

if TYPE_CHECKING:
    from ferrogate.reference.engine import ReferenceEngine

__all__ = ["Exchange", "Scope"]

logger = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Exchange:
    """One request and its answer."""

    def __init__(self, engine: ReferenceEngine, scope: Scope, receive: Receive, send: Send) -> None:
        self._engine = engine
        self._resolver = engine.resolver
        self._scope = scope
        self._receive = receive
        self._headers = _combined(scope["headers"])
        self._left = False
        self._strict = False
        self._buffered = 0
        self._added: list[tuple[str, str]] = []
        path = scope.get("raw_path") or scope["path"].encode()
        root = scope.get("root_path", "").encode()
        self._path = path.partition(b"?")[0].removeprefix(root).decode("latin-1") or "/"
        self.record = Record(path=self._path)
        snapshot = self._resolver.snapshot
        self._responder = Responder(
            send,
            self.record,
            expose=snapshot.expose_headers,
            stall_ms=snapshot.limits.client_stall_ms,
            origin=allowed_origin(snapshot.auth, self._headers),
        )

    async def run(self) -> None:
        """Answer the request; never raises for what a client or a provider did."""
        record = self.record
        try:
            await self._serve()
        except RequestError as error:
            await self._responder.refuse(error)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            if self._left:
                self._client_left()
            else:  # the server ends what the drain did not wait for
                record.outcome, record.error, record.status = "cut", "draining", record.status or 503
        except ClientStalledError:
            self._client_left()
        except Exception:
            logger.exception("request %s failed inside the gateway", record.request_id)
            await self._responder.refuse(
                RequestError("internal", "The gateway failed; its log has the request id.")
            )
        finally:
            self._engine.buffered -= self._buffered
            record.duration_us = record.elapsed_us()
            self._engine.settle(record)

    def _client_left(self) -> None:
        self.record.outcome, self.record.error = "cancelled", "client_closed"
        self.record.status = self.record.status or 499

    async def _serve(self) -> None:
        engine, record, snapshot = self._engine, self.record, self._resolver.snapshot
        if self._responder.origin is not None and is_preflight(self._scope["method"], self._headers):
            await self._responder.whole(204, preflight_headers(self._headers), b"")
            return
        try:
            wishes = read_wishes(self._headers)
        except RequestError:
            identify(snapshot.auth, self._headers)
            raise
        # Whoever is refused can find the row that says so.
        record.client_request_id, record.tags = wishes.client_request_id, wishes.tags
        check_head(self._scope["headers"], self._scope.get("http_version", "1.1"))
        principal = identify(snapshot.auth, self._headers)
        record.tenant, record.gateway_key = principal.tenant, principal.gateway_key
        if engine.draining:
            raise RequestError("draining", "The gateway is shutting down; try again.")
        route = find_route(self._scope["method"], self._path)
        record.operation = route.operation
        if route.operation == "models":
            await self._responder.json(await engine.models.read(route))
            return
        body = await self._read()
        if body is None:
            self._client_left()
            return
        record.model, record.stream = body.model, body.stream
        body = await self._through_hooks(body, pinned=wishes.provider is not None)
        record.model = body.model
        lanes = self._resolver.lanes(
            body.model, route.provider, provider=wishes.provider, key=wishes.key, fallbacks=wishes.fallbacks
        )
        self._strict = wishes.strict
        self._responder.keep_deadline = wishes.timeout_ms is not None
        limit = wishes.timeout_ms or lanes[0].provider.timeouts.deadline_ms
        clock = Clock(asyncio.get_running_loop().time() + limit / 1000)
        is_plain = not (wishes.provider or wishes.key or wishes.fallbacks)
        named = engine.cache.name(
            body.raw,
            tenant=record.tenant or "local",
            path=self._path,
            model=body.model,
            stream=body.stream,
            headers=self._headers,
            added=self._added,
            is_plain=is_plain,
        )
        if isinstance(named, str):
            record.cache = named
        with self._watch_client():
            if isinstance(named, str):
                await self._try(route, body, lanes, clock)
            else:
                await self._keep(named, lambda: self._try(route, body, lanes, clock))

    async def _through_hooks(self, body: JsonBody, *, pinned: bool) -> JsonBody:
        """Send the request through its hooks, if it has any; they see its answer, too."""
        engine, record = self._engine, self.record
        hooks = chain_of(self._resolver.snapshot, engine.hooks, body.model, pinned=pinned)
        if not hooks:
            return body
        lines = [
            f"{name}: {value}"
            for name, value in self._headers.items()
            if name not in CREDENTIAL_HEADERS and name not in ("cookie", "connection")
        ]
        context = RequestContext(
            record.request_id,
            record.tenant or "local",
            record.gateway_key,
            body.model,
            record.operation,
            "python",
            body.stream,
            "\n".join(lines).encode("latin-1"),
        )
        record.hooks = []
        passage = Passage(hooks, context, record.note_hook)
        limit = self._resolver.snapshot.limits.json_body_bytes

        def check(made: bytes) -> None:
            if len(made) > limit:
                raise ValueError("it made a body that is over the limit of bodies")
            try:
                found = parse_body(made)
            except RequestError as error:
                gone = error.kind == "model_missing"
                why = "it took `model` away" if gone else "it made a body that is no valid request"
                raise ValueError(why) from None
            if found.stream != body.stream:
                raise ValueError("it changed `stream`, which is the client's to say")

        raw, self._added = await passage.request(body.raw, check)
        self._responder.passage = passage
        return body if raw is body.raw else parse_body(raw)

    async def _keep(self, named: Named, ask: Callable[[], Awaitable[Answer | None]]) -> None:
        """Serve a kept answer, or share a call, or make one and keep what it brings."""
        cache, record = self._engine.cache, self.record
        record.cache = "miss"
        served = cache.find(named)
        if served is not None:
            await self._serve_kept(served)
            return
        is_ours = False
        if named.may_share:
            flight, is_ours = cache.board(named)
            shared = None if is_ours else await flight.wait()
            if shared is not None:
                cache.joined()
                record.cache = "joined"
                headers, body = shared
                await self._responder.whole(200, headers, body)
                return
        landed: tuple[list[tuple[bytes, bytes]], bytes] | None = None
        try:
            served, record.similarity, record.veto = await cache.find_meant(named)
            if served is not None:
                content = (b"content-type", served.content_type.encode())
                landed = ([content], served.body)
                await self._serve_kept(served)
                return
            answer = await ask()
            if answer is not None and answer.taken is not None and record.outcome == "ok":
                body = b"".join(answer.taken)
                landed = (answer.headers, body)
                media = dict(answer.headers).get(b"content-type", b"application/json").decode("latin-1")
                await cache.put(named, body, media, record.provider, record.upstream_model)
        finally:
            if is_ours:
                cache.land(named, landed)

    async def _serve_kept(self, served: Served) -> None:
        record, entry = self.record, served.entry
        record.cache, record.similarity = served.how, served.similarity
        record.finish_reason = entry.finish
        record.ttft_us = record.elapsed_us()
        age = b"%d" % (entry.age_ms() // 1000)
        headers = [(b"content-type", served.content_type.encode()), (b"age", age)]
        await self._responder.whole(200, headers, served.body)

    async def _read(self) -> JsonBody | None:
        limits, declared = self._resolver.snapshot.limits, self._headers.get("content-length", "")
        size = int(declared) if declared.isdigit() else 0
        if size <= limits.json_body_bytes and self._engine.buffered + size > limits.buffered_bytes:
            message = "The bodies that are being read fill the memory set aside for them; try again."
            raise RequestError("overloaded", message)
        if self._headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestError("encoding_not_supported", "The body is compressed; send it as it is.")
        raw = await read_body(self._receive, limits.json_body_bytes, limits.client_body_idle_ms, declared)
        if raw is None:
            return None
        self.record.request_bytes = self._buffered = len(raw)
        self._engine.buffered += self._buffered
        return parse_body(raw)

    @contextlib.contextmanager
    def _watch_client(self) -> Iterator[None]:
        """Cancel this request when its client leaves, so that the provider stops at once."""
        task = asyncio.current_task()

        async def watch() -> None:
            while (await self._receive())["type"] != "http.disconnect":
                pass
            if task is not None and not self._responder.finished:
                self._left = True
                task.cancel()

        watcher = asyncio.get_running_loop().create_task(watch())
        try:
            yield
        finally:
            watcher.cancel()

    async def _try(self, route: Route, body: JsonBody, lanes: list[Lane], clock: Clock) -> Answer | None:
        """One lane after the other, until one answers; the answer of status 200, where there was one."""
        record, engine = self.record, self._engine
        kept: Answer | None = None
        failed = LaneError("internal")
        refused: RequestError | None = None
        for index, lane in enumerate(lanes):
            record.provider, record.upstream_model = lane.provider.name, lane.model
            record.key_id, record.key_name = lane.key.id, lane.key.name
            content, dropped = _fitted(route, lane, body)
            request = build_request(
                route,
                lane,
                content,
                self._scope.get("query_string", b""),
                self._sent_headers(),
                self._resolver.header_families,
            )
            cap, last = self._resolver.snapshot.limits.answer_bytes, index == len(lanes) - 1
            with engine.ledger.attempt(lane, record) as entry:
                if self._strict and dropped:
                    # Another provider may be told all of it.
                    entry.failed("invalid_request", None)
                    entry.excused = True
                    refused = _lossy(lane, dropped)
                    continue
                refused = None
                try:
                    accepts = self._headers.get("accept-encoding", "")
                    answer = await attempt(
                        engine.client, request, lane, clock, cap=cap, last=last, accepts=accepts
                    )
                except LaneError as error:
                    failed = error
                    entry.failed(error.kind, error.answer.status if error.answer else None)
                else:
                    entry.answered(answer.status, answer.refusal)
                    if answer.status == 200 and record.cache == "miss":
                        answer.taken = []
                    entry.dropped = "" if answer.refusal else dropped
                    await self._responder.answer(answer, entry)
                    return answer
            if failed.answer is not None:
                if kept is not None:
                    await kept.aclose()
                kept = failed.answer
            if failed.is_final:
                break
        if refused is not None:
            if kept is not None:
                await kept.aclose()
            raise refused
        await self._give_up(failed, kept)
        return None

    def _sent_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the client's headers, and those that hooks set in their place."""
        given: list[tuple[bytes, bytes]] = list(self._scope["headers"])
        if not self._added:
            return given
        added = {name.lower().encode(): value.encode() for name, value in self._added}
        return [pair for pair in given if pair[0] not in added] + list(added.items())

    async def _give_up(self, failed: LaneError, kept: Answer | None) -> None:
        """No lane is left: what a provider said last, or our own error where none said anything."""
        record = self.record
        several = [(b"x-should-retry", b"false")] if len(record.attempts) > 1 else []
        if kept is None or failed.is_final:
            if kept is not None:
                await kept.aclose()
            raise RequestError(failed.kind, lane_message(failed.kind, record.provider), headers=several)
        if several:
            kept.headers = [header for header in kept.headers if header[0] != b"x-should-retry"] + several
        await self._responder.answer(kept, record.attempts[-1])


def _fitted(route: Route, lane: Lane, body: JsonBody) -> tuple[bytes, str]:
    """Return the body for a lane, and what its provider is not told."""
    if route.operation == "chat.completions":
        fitted = fit(body, lane.provider.quirks, lane.model)
        if fitted is not None:
            return fitted.raw, ", ".join(fitted.dropped)
    return body.for_model(lane.model), ""


def _lossy(lane: Lane, dropped: str) -> RequestError:
    return RequestError(
        "invalid_request",
        f'The provider "{lane.provider.name}" cannot be told: {dropped}. Leave these out, or send no '
        "x-gateway-strict.",
    )


def _combined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers by name; values of one name are joined: two hosts or credentials are none."""
    found: dict[str, str] = {}
    for name, value in headers:
        text, given = name.decode("latin-1"), value.decode("latin-1")
        found[text] = f"{found[text]}, {given}" if text in found else given
    return found
