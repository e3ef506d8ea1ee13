from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bench.bars.peers import (
    JSON,
    STREAMS,
    beside_nginx,
    cpu_a_request,
    row_of,
    table,
    times_bar,
    whole_cpu_a_request,
)
from bench.peers import PEERS, MissingPeerError, Peer
from bench.peers.litellm import configuration

from ferrogate.cli.bench.load import Sample, sample_of


def sample(report: dict[str, Any], server: str = "native", cpu: float | None = 60_000.0) -> Sample:
    return sample_of(report, server, JSON, mode="rate", number=0, whole_cpu_us=cpu)


def test_cpu_is_a_request(report: dict[str, Any]) -> None:
    made = sample(report)
    assert (cpu_a_request(made), whole_cpu_a_request(made)) == (50.0, 60.0)


def test_cpu_of_streams_is_a_stream_and_not_a_chunk(report: dict[str, Any]) -> None:
    report["window"]["events"], report["totals"]["events"] = 22_000, 22_000
    report["stream"] = True
    report["events_per_stream"] |= {"mean": 22.0, "count": 1000}
    made = sample_of(report, "native", STREAMS, mode="rate", number=0, whole_cpu_us=60_000.0)
    assert cpu_a_request(made) == pytest.approx(50.0)
    assert whole_cpu_a_request(made) == pytest.approx(60.0)


def test_errors_are_not_cheap_answers(report: dict[str, Any]) -> None:
    report["requests"] |= {"ok": 250}
    assert cpu_a_request(sample(report)) == 200.0
    report["requests"] |= {"ok": 0}
    assert cpu_a_request(sample(report)) is None
    assert whole_cpu_a_request(sample(report)) is None


def test_a_server_that_answers_nothing_has_no_latency(report: dict[str, Any]) -> None:
    report["requests"] |= {"ok": 0, "answered": 0, "unfinished": 1000, "unsent": 500}
    row = row_of("litellm", [sample(report, "litellm")])
    assert (row.p50, row.p99, row.p999, row.cpu) == (None, None, None, None)
    assert (row.ok, row.wrong, row.unsent) == (0, 1000, 500)
    assert "| litellm | - | - | - | 0 | 1,000 | 500 |" in table([row], stream=False)


def test_a_server_that_was_not_measured_keeps_its_row() -> None:
    row = row_of("portkey", [])
    assert (row.p50, row.ok, row.cpu, row.peak) == (None, 0, None, None)


def test_the_bar_is_litellm_by_the_whole_of_native(report: dict[str, Any]) -> None:
    ours = row_of("native", [sample(report)])
    report["usage"]["server"]["cpu_us"] = 12_000_000
    theirs = row_of("litellm", [sample(report, "litellm", None)])
    bar = times_bar([ours, theirs], JSON)
    assert (bar.value, bar.verdict) == (12_000 / 60, "met")
    assert times_bar([ours, row_of("litellm", [])], JSON).verdict == "not measured"


def test_each_is_a_multiple_of_nginx(report: dict[str, Any]) -> None:
    rows = [row_of(name, [sample(report, name)]) for name in ("nginx", "native")]
    report["usage"]["server"]["cpu_us"] *= 3
    rows.append(row_of("litellm", [sample(report, "litellm")]))
    rows.append(row_of("portkey", []))
    assert [(bar.name.split("'")[0], bar.value, bar.verdict) for bar in beside_nginx(rows, JSON)] == [
        ("native", 1.0, ""),
        ("litellm", 3.0, ""),
    ]
    assert beside_nginx(rows[1:], JSON) == []


def test_litellm_is_pointed_at_the_mock() -> None:
    models = json.loads(configuration("http://127.0.0.1:1"))["model_list"]
    assert {model["model_name"] for model in models} == {JSON.model, STREAMS.model}
    assert all(model["litellm_params"]["api_base"] == "http://127.0.0.1:1/v1" for model in models)


def test_a_peer_that_is_not_installed_says_how(tmp_path: Path) -> None:
    peer = Peer("other", "other", tmp_path / "none", str, lambda *_: pytest.fail("started"))
    with pytest.raises(MissingPeerError, match="make peers"):
        peer.start(tmp_path, "http://127.0.0.1:1")


def test_the_peers_are_pinned() -> None:
    root = Path(__file__).parents[3]
    wanted = json.loads((root / "bench/peers/portkey/package.json").read_text())["dependencies"]
    text = (root / "bench/peers/portkey/package-lock.json").read_text()
    locked = json.loads(text)["packages"]["node_modules/@portkey-ai/gateway"]["version"]
    assert wanted == {"@portkey-ai/gateway": locked}
    assert '"resolved"' not in text
    assert "\nlitellm==" in (root / "requirements/peers.lock").read_text()
    assert set(PEERS) == {"litellm", "portkey"}
