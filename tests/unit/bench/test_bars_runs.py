from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from bench.bars import crowd, latency, memory, proxy, runs, stalled, ttft
from bench.bars.registry import Pace, Settings

from ferrogate.cli.bench.load import JSON, Load, Sample, sample_of
from ferrogate.cli.bench.servers import ServerError

SETTINGS = Settings(Pace(rounds=2, seconds=1.0, warmup=0.5))


class Bench:
    """Stands in for a lab and its servers: keeps the loads and answers each with the given report."""

    def __init__(self, report: dict[str, Any]) -> None:
        self.report = report
        self.loads: list[tuple[str, str, Load]] = []
        self.scripts: list[dict[str, Any]] = []

    def __call__(
        self, _lab: Any, name: str, _server: Any, scenario: Any, load: Load, _tell: Any, **more: Any
    ) -> Sample:
        self.loads.append((name, more.get("mode", "rate"), load))
        return sample_of(
            self.report,
            name,
            scenario,
            mode=more.get("mode", "rate"),
            number=more.get("number", 0),
            whole_cpu_us=1.0,
        )

    def script(self, script: dict[str, Any]) -> None:
        self.scripts.append(script)

    def server(self, name: str) -> str:
        return name


@pytest.fixture
def full(report: dict[str, Any]) -> dict[str, Any]:
    report["usage"]["server"] |= {"rss_highest_kb": 100_000, "rss_start_kb": 1, "rss_end_kb": 1}
    report |= {"finished_us": 2_000_000, "most_in_flight": 1000, "send_lag_us": report["latency_us"]}
    return report


def test_bursts_take_turns_and_open_their_connections_first(
    full: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(full)
    monkeypatch.setattr(ttft, "run_one", bench)
    found = ttft.burst(bench, SETTINGS, lambda _: None)  # type: ignore[arg-type]
    measured = [name for name, mode, _ in bench.loads if mode == "burst"]
    assert measured == ["direct", "nginx", "native", "native", "nginx", "direct"]
    assert all(
        (load.requests, load.connections, load.open_first) == (1000, 1000, True) for *_, load in bench.loads
    )
    assert [bar.value for bar in found.bars] == [1.0, 1.0]
    assert {script["chunks"] for script in bench.scripts} == {10, 20}


def test_the_peak_of_memory_is_the_highest_of_all_rounds(
    full: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Room(Bench):
        folder = None
        mock = None

        def add(self, server: Any) -> Any:
            return server

    class Server:
        name = "native"
        url = ""

    room = Room(full)
    room.mock = Server()  # type: ignore[assignment]
    monkeypatch.setattr(memory, "run_one", room)
    monkeypatch.setattr(memory, "start_gateway", lambda *_, **__: Server())
    found = memory.prompts(room, SETTINGS, lambda _: None)  # type: ignore[arg-type]
    assert found.bars[0].value == pytest.approx(102.4)
    assert [load.body_bytes for *_, load in room.loads] == [200_000, 200_000]


def test_a_crowd_that_loses_a_stream_misses_its_bar(full: dict[str, Any]) -> None:
    made = sample_of(full, "native", JSON, mode="rate", number=0, whole_cpu_us=1.0)
    assert crowd._lost("native", [made]).verdict == "met"
    worse = replace(made, bad=1)
    assert (crowd._lost("native", [made, worse]).value, crowd._lost("native", [worse]).verdict) == (
        1,
        "MISSED",
    )
    assert crowd._highest([made]) == pytest.approx(102.4)
    assert crowd._doubts([made], 1000) == []
    assert "at most 1,000" in crowd._doubts([made], 9000)[0]


def test_streams_are_as_long_as_asked_for() -> None:
    assert runs.paced_streams("n", "t", 10.0).script == {"chunks": 200, "chunk_bytes": 250, "chunk_ms": 50}
    assert runs.paced_streams("n", "t", 0.01).script["chunks"] == 1


def test_the_bars_of_the_proxy_are_those_of_the_issue() -> None:
    assert (proxy.LARGE.body_bytes, proxy.STRING.messages, proxy.MESSAGES.messages) == (64_000, 1, 20_000)
    assert proxy.STRING.body_bytes == proxy.MESSAGES.body_bytes == 1_000_000
    assert proxy.BATCHES.script == {**proxy.STREAMS.script, "batch": 10}
    assert [bound for _, bound in latency.QUANTILES.values()] == [0.2, 2.0, None]
    assert [bound for _, bound in ttft.QUANTILES.values()] == [2.0, 3.0]


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers every connection with the same bytes."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                asked.append(client.recv(65_536))
                client.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def test_asking_wants_a_chat_completion() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    for body, good in ((b'{"choices": []}', True), (b'{"error": {}}', False)):
        with answering(head % len(body) + body) as (url, asked):
            if good:
                runs.ask(url)
            else:
                with pytest.raises(ServerError, match="not a chat completion"):
                    runs.ask(url)
            assert b"POST /v1/chat/completions" in asked[0]


def test_a_stalled_reader_asks_for_a_stream_and_reads_nothing() -> None:
    with answering(b"HTTP/1.1 200 OK\r\n\r\n") as (url, asked), stalled._stalled(url) as client:
        assert stalled._has_begun(client)
        assert client.recv(12) == b"HTTP/1.1 200", "it was only looked at"
    head, _, body = asked[0].partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head
    assert json.loads(body)["stream"] is True


def test_a_reader_that_is_refused_has_not_begun() -> None:
    with answering(b"HTTP/1.1 503 No\r\n\r\n") as (url, _), stalled._stalled(url) as client:
        assert not stalled._has_begun(client)
