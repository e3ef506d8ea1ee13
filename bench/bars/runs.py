"""One run on one server of a lab, for the parts that do not take turns by ``compare``."""

from __future__ import annotations

import json
import urllib.request

from ferrogate.cli.bench.compare import Tell
from ferrogate.cli.bench.lab import Lab
from ferrogate.cli.bench.load import Load, Sample, Scenario, measure
from ferrogate.cli.bench.servers import KEY, KINDS, Server, ServerError

CHUNK_MS = 50
MB = 1_000_000


def paced_streams(name: str, title: str, seconds: float) -> Scenario:
    """Streams of that length with one event of 250 bytes each 50 ms."""
    chunks = max(1, round(seconds * 1000 / CHUNK_MS))
    script = {"chunks": chunks, "chunk_bytes": 250, "chunk_ms": CHUNK_MS}
    return Scenario(name, title, stream=True, unit="chunk", model="mock/filler", script=script)


def run_one(
    lab: Lab,
    name: str,
    server: Server,
    scenario: Scenario,
    load: Load,
    tell: Tell,
    *,
    mode: str = "rate",
    number: int = 0,
) -> Sample:
    """Measure one load, the mock watched beside the server; Ctrl-C ends everything."""
    progress = tell(f"{scenario.name}: {mode} {number + 1}, {name}")
    sample = measure(
        name,
        server,
        scenario,
        load,
        mode=mode,
        number=number,
        settle=name in KINDS,
        progress=progress,
        others={"mock": lab.mock.pids},
    )
    if sample.report["cancelled"]:
        raise KeyboardInterrupt
    return sample


def peak_mb(sample: Sample) -> float | None:
    """The most memory that the server's processes have held since they started."""
    usage = sample.report["usage"].get("server")
    return usage["rss_highest_kb"] * 1024 / MB if usage else None


def ask(url: str) -> None:
    """Ask a gateway or a provider for one chat completion; OSError where none comes."""
    body = json.dumps({"model": "mock/echo", "messages": [{"role": "user", "content": "hello"}]}).encode()
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        data=body,
        headers={"content-type": "application/json", "authorization": f"Bearer {KEY}"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        if "choices" not in json.load(answer):
            raise ServerError("the first answer is not a chat completion")
