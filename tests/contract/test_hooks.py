"""A team's own code on the way of requests, answers and events."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.chat import ANSWER, CHAT, DONE, FINISH, ROLE, chat, delta
from harness.doors import Door
from harness.gateway import Gateway, until
from harness.upstream import Exchange, Upstream, json_answer, sse, status

CODE = '''
import asyncio, threading, time
from ferrogate.hooks import Change, Veto, event_data, make_event

class Mark:
    """Adds a mark of its own to whatever passes."""
    def __init__(self, mark):
        self.mark = mark.encode()
    def on_request(self, body, context):
        return body.replace(b"hello", b"hello" + self.mark)
    def on_response(self, body, context):
        return body.replace(b'"hi', b'"hi' + self.mark)
    def on_event(self, event, context):
        return event.replace(b"hi", b"hi" + self.mark)

class Headers:
    def on_request(self, body, context):
        seen = context.headers
        return Change(headers={
            "x-tenant": context.tenant, "x-model": context.model, "x-user": seen.get("x-user", "none"),
            "x-saw-secret": str("authorization" in seen), "authorization": "Bearer forged",
            "x-gateway-key": "forged", "content-length": "1", "host": "forged", "connection": "close",
        })
    def on_response(self, body, context):
        return Change(headers={"x-from": f"{context.provider} {context.status} {context.cache}",
                               "x-gateway-cache": "forged", "content-length": "1"})

class Refuse:
    def on_request(self, body, context):
        if b"secret plan" in body:
            raise Veto("Plans stay here.")
    def on_response(self, body, context):
        if b"classified" in body:
            raise Veto("The answer stays here.")
    def on_event(self, event, context):
        if b"classified" in event:
            raise Veto("The rest stays here.")

class Fail:
    def on_request(self, body, context):
        if b"raise" in body:
            raise ValueError("sk-inner-detail")
        if b"sleep" in body:
            time.sleep(60)
        if b"spin" in body:
            while True:
                pass
        if b"number" in body:
            return 7
        if b"half" in body:
            return body[:-1]
        if b"switch" in body:
            return body.replace(b"false", b"true")
        if b"nameless" in body:
            return b"{}"
    def on_response(self, body, context):
        if b"hi" in body:
            return b"no json"
    def on_event(self, event, context):
        if b"two" in event:
            raise ValueError("in the middle")

class Stream:
    """Drops, adds and remembers."""
    def on_request(self, body, context):
        context.state["seen"] = 0
    def on_event(self, event, context):
        context.state["seen"] += 1
        if b"[DONE]" in event or b"error" in event:
            raise AssertionError("not a hook's to see")
        data = event_data(event)
        if b"one" in data:
            return b""
        if b"stop" in data:
            return event + make_event(b'{"seen":%d}' % context.state["seen"])

class HalfEvent:
    def on_event(self, event, context):
        return event.rstrip()

class Slow:
    async def on_request(self, body, context):
        await asyncio.sleep(0.2)
        main = threading.current_thread() is threading.main_thread()
        if b"late" in body:
            await asyncio.sleep(60)
        if b"raise" in body:
            raise ValueError("async")
        return Change(headers={"x-loop": "callers" if main else "own"})
    async def on_event(self, event, context):
        await asyncio.sleep(0)
        return event.replace(b"one", b"ONE")
'''


def hook(code: str, **settings: Any) -> dict[str, Any]:
    return {"use": f"./company.py:{code}", **settings}


ROUTES = {
    "plain": [],
    "marked": [
        hook("Mark", name="first", options={"mark": "-1"}),
        hook("Mark", name="second", options={"mark": "-2"}),
    ],
    "headers": [hook("Headers")],
    "refuse": [hook("Refuse")],
    "closed": [hook("Fail", name="closed", timeout="300ms")],
    "open": [hook("Fail", name="open", timeout="300ms", on_failure="open")],
    "stream": [hook("Stream")],
    "half": [hook("HalfEvent")],
    "slow": [hook("Slow", timeout="2s")],
    "narrow": [hook("Fail", name="narrow", timeout="1500ms", threads=1, queue=1)],
}


@pytest.fixture(scope="module")
def provider() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(scope="module")
def hooked(door: Door, provider: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp(f"hooks-{door}")
    (folder / "company.py").write_text(CODE)
    config = {
        "providers": {
            "up": {"kind": "openai-compatible", "base_url": provider.url, "keys": [{"value": "key-of-up-01"}]}
        },
        "hooks": [hook("Mark", name="everywhere", options={"mark": "-0"})],
        "models": {name: {"targets": ["up/m"], "hooks": hooks} for name, hooks in ROUTES.items()},
    }
    with Gateway(folder, door, config=config) as running:
        yield running


@pytest.fixture(autouse=True)
def answers(provider: Upstream) -> Upstream:
    provider.script = json_answer(ANSWER)
    provider.requests.clear()
    return provider


def ask(gateway: Gateway, model: str, text: str = "hello", **headers: str) -> httpx.Response:
    body = chat(model, stream=False, messages=[{"role": "user", "content": text}])
    return gateway.http.post(CHAT, content=body, headers={"content-type": "application/json", **headers})


def row_of(gateway: Gateway, answer: httpx.Response) -> dict[str, Any]:
    return gateway.row(answer.headers["x-gateway-request-id"])


def streamed(gateway: Gateway, model: str) -> bytes:
    return gateway.http.post(CHAT, content=chat(model, stream=True)).content


@pytest.mark.compiled
def test_requests_meet_hooks_in_order_and_answers_in_the_reverse_one(
    hooked: Gateway, provider: Upstream
) -> None:
    answer = ask(hooked, "marked")
    assert json.loads(provider.requests[0].body)["messages"][0]["content"] == "hello-2-1"
    assert answer.json()["choices"][0]["message"]["content"] == "hi-1-2"
    assert int(answer.headers["content-length"]) == len(answer.content)
    row = row_of(hooked, answer)
    assert [(one["hook"], one["stage"], one["outcome"]) for one in row["hooks"]] == [
        ("first", "request", "changed"),
        ("second", "request", "changed"),
        ("second", "response", "changed"),
        ("first", "response", "changed"),
    ]
    assert all(one["run_ms"] >= 0 and one["queue_ms"] > 0 for one in row["hooks"])
    bodies = hooked.call("GET", f"logs/{row['request_id']}/payloads")
    assert "hello-2-1" in bodies["request"]["text"], "the log has what the hooks let through"
    assert "hi-1-2" in bodies["response"]["text"]
    assert row["bytes"]["response"] == len(answer.content)


def test_order_and_refusal(hooked: Gateway, provider: Upstream) -> None:
    answer = ask(hooked, "marked")
    assert json.loads(provider.requests[0].body)["messages"][0]["content"] == "hello-2-1"
    assert answer.json()["choices"][0]["message"]["content"] == "hi-1-2"
    row = row_of(hooked, answer)
    assert [(one["hook"], one["stage"], one["outcome"]) for one in row["hooks"]] == [
        ("first", "request", "changed"),
        ("second", "request", "changed"),
        ("second", "response", "changed"),
        ("first", "response", "changed"),
    ]
    provider.requests.clear()
    refused = ask(hooked, "refuse", "the secret plan")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "hook_vetoed")
    assert provider.requests == []
    assert row_of(hooked, refused)["hooks"][0]["outcome"] == "vetoed"


def test_a_route_of_its_own_has_its_own_hooks_or_none(hooked: Gateway, provider: Upstream) -> None:
    assert ask(hooked, "plain").content == ANSWER
    assert provider.requests[0].body == chat(
        "m", stream=False, messages=[{"role": "user", "content": "hello"}]
    )
    assert row_of(hooked, ask(hooked, "plain"))["hooks"] == []
    assert b"hi-0" in ask(hooked, "up/m").content, "the top level's are for whoever says nothing"
    pinned = {"x-gateway-provider": "up", "x-gateway-key": "key-1"}
    assert b"hi-0" in ask(hooked, "plain", **pinned).content, "a pin goes past the alias, not past the hooks"


def test_headers_beside(hooked: Gateway, provider: Upstream) -> None:
    answer = ask(hooked, "headers", **{"x-user": "ann", "authorization": "Bearer of-the-client"})
    sent = provider.requests[0]
    told = {name: sent.header(f"x-{name}") for name in ("tenant", "model", "user", "saw-secret")}
    assert told == {"tenant": "local", "model": "headers", "user": "ann", "saw-secret": "False"}
    assert sent.header("authorization") == "Bearer key-of-up-01"
    assert sent.header("x-gateway-key") is None
    assert sent.header("host") == f"127.0.0.1:{provider.port}"
    assert answer.headers["x-from"] == "up 200 off"
    assert answer.headers["x-gateway-cache"] == "off"
    assert answer.content == ANSWER


@pytest.mark.compiled
@pytest.mark.kind("hook_vetoed")
def test_a_veto_of_a_request(hooked: Gateway, provider: Upstream) -> None:
    answer = ask(hooked, "refuse", "the secret plan")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "hook_vetoed"
    assert answer.json()["error"]["message"] == "Plans stay here."
    assert provider.requests == []
    row = row_of(hooked, answer)
    assert (row["status"], row["outcome"], row["error"]) == (403, "error", "hook_vetoed")
    assert row["hooks"][0]["outcome"] == "vetoed"
    bodies = hooked.call("GET", f"logs/{row['request_id']}/payloads")
    assert "the secret plan" in bodies["request"]["text"]


def test_a_veto_of_an_answer(hooked: Gateway, provider: Upstream) -> None:
    provider.script = json_answer(ANSWER.replace(b'"hi"', b'"classified"'))
    answer = ask(hooked, "refuse")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "hook_vetoed")
    assert b"classified" not in answer.content
    row = row_of(hooked, answer)
    assert (row["status"], row["outcome"], row["error"]) == (403, "error", "hook_vetoed")
    assert row["tokens"]["input"] == 7, "they were used all the same"


def test_a_veto_in_a_stream_cuts_it(hooked: Gateway, provider: Upstream) -> None:
    provider.script = sse(ROLE, delta("hi"), delta("classified"), delta("more"), FINISH, DONE)
    with pytest.raises(httpx.RemoteProtocolError):
        streamed(hooked, "refuse")


@pytest.mark.kind("hook_failed")
@pytest.mark.parametrize(
    ("text", "outcome", "error"),
    [
        ("raise", "raised", "ValueError: sk-inner-detail"),
        ("sleep", "late", "it took too long"),
        ("spin", "late", "it took too long"),
        ("number", "raised", "TypeError"),
        ("half", "raised", "no valid request"),
        ("switch", "raised", "changed `stream`"),
        ("nameless", "raised", "took `model` away"),
    ],
)
def test_a_hook_that_fails(hooked: Gateway, provider: Upstream, text: str, outcome: str, error: str) -> None:
    closed = ask(hooked, "closed", text)
    assert (closed.status_code, closed.json()["error"]["code"]) == (500, "hook_failed")
    assert 'The hook "closed"' in closed.json()["error"]["message"]
    assert "sk-inner" not in closed.text, "what it raised is the log's alone"
    assert provider.requests == []
    told = row_of(hooked, closed)["hooks"][0]
    assert told["outcome"] == outcome
    assert error in told["error"]
    provider.script = json_answer(ANSWER.replace(b'"hi"', b'"bye"'))
    opened = ask(hooked, "open", text)
    assert opened.status_code == 200
    assert text in provider.requests[0].body.decode()
    assert row_of(hooked, opened)["hooks"][0]["outcome"] == outcome


def test_an_answer_that_is_no_json_any_more(hooked: Gateway) -> None:
    closed, opened = ask(hooked, "closed"), ask(hooked, "open")
    assert (closed.status_code, closed.json()["error"]["code"]) == (500, "hook_failed")
    assert opened.content == ANSWER


@pytest.mark.compiled
def test_a_hook_that_hangs_holds_up_its_own_requests_alone(hooked: Gateway) -> None:
    with ThreadPoolExecutor(12) as pool:
        hanging = [pool.submit(ask, hooked, "closed", text) for text in ("spin", "sleep") * 5]
        until(lambda: outstanding(hooked, "closed") > 0, "a call that runs", pause=0.002)
        others = [ask(hooked, model).status_code for model in ("marked", "plain", "up/m")]
        assert {one.result().status_code for one in hanging} == {500}
    assert others == [200, 200, 200]
    provider_answers = ask(hooked, "open", "again")
    assert provider_answers.status_code == 200, "threads that hung were replaced"
    assert ask(hooked, "closed", "number").status_code == 500


def outstanding(gateway: Gateway, name: str) -> float:
    return sample(gateway, f'ferrogate_hook_outstanding{{hook="{name}"}}')


def sample(gateway: Gateway, name: str) -> float:
    lines = gateway.admin.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name)


@pytest.mark.compiled
def test_what_finds_no_room_fails_at_once(hooked: Gateway) -> None:
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(ask, hooked, "narrow", "sleep") for _ in range(2)]
        until(lambda: outstanding(hooked, "narrow") == 2, "two calls", pause=0.002)
        answer = ask(hooked, "narrow")
        assert answer.status_code == 500
        assert "too much to do" in answer.json()["error"]["message"]
        assert row_of(hooked, answer)["hooks"][0]["outcome"] == "full"
        assert {one.result().status_code for one in running} == {500}


def test_events_are_changed_dropped_and_added(hooked: Gateway, provider: Upstream) -> None:
    provider.script = sse(ROLE, delta("one"), delta("hi"), FINISH, DONE)
    assert streamed(hooked, "stream") == ROLE + delta("hi") + FINISH + b'data: {"seen":4}\n\n' + DONE
    assert streamed(hooked, "marked") == (ROLE + delta("one") + delta("hi-1-2") + FINISH + DONE)
    assert streamed(hooked, "plain") == ROLE + delta("one") + delta("hi") + FINISH + DONE


@pytest.mark.compiled
def test_the_log_has_what_the_client_got_of_a_stream(hooked: Gateway, provider: Upstream) -> None:
    provider.script = sse(ROLE, delta("hi"), FINISH, DONE)
    answer = hooked.http.post(CHAT, content=chat("marked", stream=True))
    row = row_of(hooked, answer)
    assert (row["outcome"], row["bytes"]["response"]) == ("ok", len(answer.content))
    told = [one for one in row["hooks"] if one["stage"] == "event"]
    assert [one["hook"] for one in told] == ["second", "first"]
    assert all(one["events"] == 3 for one in told)
    bodies = hooked.call("GET", f"logs/{row['request_id']}/payloads")
    assert bodies["response"]["text"].encode() == answer.content


def test_an_event_in_pieces_is_seen_whole(hooked: Gateway, provider: Upstream) -> None:
    def dribble(exchange: Exchange) -> None:
        whole = ROLE + delta("one") + delta("hi") + FINISH + DONE
        exchange.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for start in range(0, len(whole), 7):
            exchange.send(whole[start : start + 7])
            time.sleep(0.001)
        exchange.close()

    provider.script = dribble
    assert streamed(hooked, "stream").startswith(ROLE + delta("hi") + FINISH)


def test_a_broken_stream_stays_one(hooked: Gateway, provider: Upstream) -> None:
    def cut(exchange: Exchange) -> None:
        exchange.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        data = ROLE + delta("hi")
        exchange.send(b"%x\r\n%s\r\n" % (len(data), data))
        time.sleep(0.05)
        exchange.reset()

    provider.script = cut
    got = received(hooked, "stream")
    assert got.startswith(ROLE + delta("hi"))
    assert b'"code":"upstream_cut"' in got
    assert DONE not in got


def received(gateway: Gateway, model: str) -> bytes:
    """What comes of a stream that is cut."""
    got: list[bytes] = []

    def read() -> None:
        with gateway.http.stream("POST", CHAT, content=chat(model, stream=True)) as answer:
            got.extend(answer.iter_raw())

    with pytest.raises(httpx.RemoteProtocolError):
        read()
    return b"".join(got)


def test_a_hook_that_fails_in_a_stream(hooked: Gateway, provider: Upstream) -> None:
    provider.script = sse(ROLE, delta("one"), delta("two"), FINISH, DONE)
    got = received(hooked, "closed")
    assert b'"code":"hook_failed"' in got
    assert DONE not in got
    assert delta("two") not in got
    assert streamed(hooked, "open") == ROLE + delta("one") + delta("two") + FINISH + DONE
    assert b'"code":"hook_failed"' in received(hooked, "half")


def test_a_stream_that_a_hook_stopped_is_in_the_log(hooked: Gateway, provider: Upstream) -> None:
    provider.script = sse(ROLE, delta("one"), delta("two"), FINISH, DONE)
    received(hooked, "closed")

    def found() -> dict[str, Any] | None:
        items = hooked.call("GET", "logs?limit=5")["items"]
        return next((item for item in items if item["error"] == "hook_failed" and item["stream"]), None)

    row = until(found, "the row")
    assert (row["outcome"], row["status"]) == ("cut", 200)


def test_failures_of_the_provider_are_no_hook_s_business(hooked: Gateway, provider: Upstream) -> None:
    provider.script = status(400, b'{"error":{"message":"hi"}}')
    answer = ask(hooked, "closed")
    assert (answer.status_code, answer.content) == (400, b'{"error":{"message":"hi"}}')
    row = row_of(hooked, answer)
    assert row["status"] == 400
    assert [one["stage"] for one in row["hooks"]] == ["request"]


def test_coroutines(hooked: Gateway, provider: Upstream, door: Door) -> None:
    with ThreadPoolExecutor(8) as pool:
        begun = time.monotonic()
        answers = list(pool.map(lambda _: ask(hooked, "slow").status_code, range(8)))
        spent = time.monotonic() - begun
    assert answers == [200] * 8
    assert spent < 8 * 0.2, "they wait beside each other"
    loop = "own" if door is Door.NATIVE else "callers"
    assert {one.header("x-loop") for one in provider.requests} == {loop}
    late = ask(hooked, "slow", "late")
    assert late.json()["error"]["code"] == "hook_failed"
    assert "took too long" in late.json()["error"]["message"] or "failed" in late.json()["error"]["message"]
    raised = ask(hooked, "slow", "raise")
    assert "ValueError: async" in row_of(hooked, raised)["hooks"][0]["error"]
    provider.script = sse(ROLE, delta("one"), FINISH, DONE)
    assert streamed(hooked, "slow") == ROLE + delta("ONE") + FINISH + DONE


@pytest.mark.compiled
def test_a_client_that_leaves_while_a_hook_runs(hooked: Gateway) -> None:
    with pytest.raises(httpx.ReadTimeout):
        hooked.http.post(
            CHAT, content=chat("narrow", messages=[{"role": "user", "content": "sleep"}]), timeout=0.3
        )

    def found() -> dict[str, Any] | None:
        items = hooked.call("GET", "logs?limit=3")["items"]
        return next((item for item in items if item["outcome"] == "cancelled"), None)

    assert until(found, "the row")["model"] == "narrow"

    def raised() -> bool:
        row = row_of(hooked, ask(hooked, "narrow", "raise"))
        return bool(row["hooks"][0]["outcome"] == "raised")

    until(raised, "another thread in its place")


def test_each_client_of_a_kept_answer_meets_the_hooks(hooked: Gateway, provider: Upstream) -> None:
    first = ask(hooked, "headers", "kept?", **{"x-gateway-cache": "exact"})
    second = ask(hooked, "headers", "kept?", **{"x-gateway-cache": "exact"})
    assert first.headers["x-from"].endswith("miss")
    assert second.headers["x-from"].endswith("hit-exact")
    marked = [ask(hooked, "marked", "hello kept", **{"x-gateway-cache": "exact"}).content for _ in range(2)]
    assert marked[0] == marked[1]
    assert marked[1].count(b"hi-1-2") == 1, "what is kept is the provider's answer"
    assert len(provider.requests) == 2


def test_what_hooks_set_beside_is_part_of_what_is_asked(hooked: Gateway, provider: Upstream) -> None:
    for user in ("ann", "bob"):
        ask(hooked, "headers", "who am I?", **{"x-user": user, "x-gateway-cache": "exact"})
    assert len(provider.requests) == 2


@pytest.mark.compiled
def test_metrics(hooked: Gateway) -> None:
    ask(hooked, "marked")
    text = hooked.admin.get("/metrics").text
    for name in ("hook_seconds", "hook_queue_seconds", "hook_gil_wait_seconds"):
        assert f'ferrogate_{name}_count{{hook="first",stage="request"}}' in text
    assert sample(hooked, 'ferrogate_hook_calls_total{hook="first",stage="request",outcome="changed"}') >= 1
    assert sample(hooked, 'ferrogate_hook_threads{hook="first"}') >= 1


def test_code_is_loaded_anew_and_broken_code_is_not(door: Door, provider: Upstream, folder: Path) -> None:
    code = "def on_request(body, context):\n    return body.replace(b'hello', b'{}')\n"
    folder.mkdir()
    path = folder / "company.py"
    path.write_text(code.format("first"))
    config = {
        "providers": {
            "up": {"kind": "openai-compatible", "base_url": provider.url, "keys": [{"value": "k-1234567"}]}
        },
        "hooks": ["./company.py"],
    }

    def sent(gateway: Gateway) -> str:
        provider.requests.clear()
        assert ask(gateway, "up/m").status_code == 200
        return str(json.loads(provider.requests[0].body)["messages"][0]["content"])

    with Gateway(folder, door, config=config) as gateway:
        assert sent(gateway) == "first"
        path.write_text("def on_request(body, context:\n")
        until(lambda: "does not load" in gateway.stderr, "the complaint")
        assert sent(gateway) == "first"
        stop = threading.Event()
        failed: list[int] = []

        def keep_asking() -> None:
            with httpx.Client(base_url=gateway.url, trust_env=False) as client:
                while not stop.is_set():
                    answer = client.post(CHAT, content=chat("up/m"))
                    if answer.status_code != 200:
                        failed.append(answer.status_code)

        asking = threading.Thread(target=keep_asking)
        asking.start()
        try:
            for word in ("second", "third", "fourth"):
                path.write_text(code.format(word))
                until(lambda word=word: sent(gateway) == word, word)
        finally:
            stop.set()
            asking.join()
        assert failed == []
