"""Kept answers outlive the process, and what verification learns of them is seen."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from harness.chat import ANSWER, CHAT
from harness.doors import Door
from harness.gateway import Gateway, until
from harness.upstream import Exchange, Upstream, json_answer

pytestmark = pytest.mark.compiled

RESET = "How do I reset my password?"
AGAIN = "how do I reset my PASSWORD??"


def config(upstream: Upstream, **cache: Any) -> dict[str, Any]:
    key = {"value": "sk-of-this-test-0123456789"}
    provider = {"kind": "openai-compatible", "base_url": upstream.url, "keys": [key]}
    kept = {"exact": {"enabled": True, "ttl": "1h"}, "embedder": {"model": "hashed"}}
    semantic = {"enabled": True, "profile": "recall", **cache.pop("semantic", {})}
    return {
        "providers": {"up": provider},
        "models": {"faq": {"targets": ["up/m"]}},
        "cache": {**kept, "semantic": semantic, **cache},
    }


def cached(gateway: Gateway, text: str) -> str:
    body = {"model": "faq", "messages": [{"role": "user", "content": text}]}
    answer = gateway.http.post(CHAT, json=body)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-gateway-cache"]


@pytest.mark.parametrize("ends", ["stops", "is killed"])
def test_a_restart_finds_what_was_kept(door: Door, folder: Path, upstream: Upstream, ends: str) -> None:
    upstream.script = json_answer(ANSWER)
    gateway = Gateway(folder, door, config=config(upstream))
    try:
        gateway.start()
        assert cached(gateway, RESET) == "miss"
        if ends == "stops":
            gateway.stop()
        else:
            time.sleep(1.5)  # what is older than a second is on the disk
    finally:
        gateway.kill()
    with Gateway(folder, door) as again:
        assert [cached(again, text) for text in (RESET, AGAIN)] == ["hit-exact", "hit-semantic"]
        disk = again.call("GET", "cache")["stats"]["disk"]
        assert (disk["bytes"] > 0, disk["failure"], disk["failures"]) == (True, None, 0)
        again.admin.delete("/api/v1/cache").raise_for_status()
    with Gateway(folder, door) as emptied:
        assert cached(emptied, AGAIN) == "miss"
    files = sorted(path for path in (folder / "data" / "cache").iterdir() if path.suffix == ".log")
    assert [path.name for path in files] == ["answers.log", "vectors-hashed-1-asked-1.log"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_nothing_is_on_the_disk_where_that_is_not_wanted(
    door: Door, folder: Path, upstream: Upstream
) -> None:
    upstream.script = json_answer(ANSWER)
    with Gateway(folder, door, config=config(upstream, persist=False)) as gateway:
        assert [cached(gateway, text) for text in (RESET, AGAIN)] == ["miss", "hit-semantic"]
    assert not (folder / "data" / "cache").exists()
    with Gateway(folder, door) as again:
        assert cached(again, RESET) == "miss"


def test_a_second_gateway_on_one_folder_of_answers_takes_over_when_the_first_ends(
    door: Door, folder: Path, upstream: Upstream
) -> None:
    upstream.script = json_answer(ANSWER)
    with Gateway(folder, door, config=config(upstream)) as first:
        assert cached(first, RESET) == "miss"
    (folder / "other").mkdir()
    second = Gateway(folder / "other", door, config=config(upstream))
    second.data.mkdir()
    (second.data / "cache").symlink_to(folder / "data" / "cache")
    with Gateway(folder, door) as first, second:
        assert cached(second, RESET) == "miss", "it has a memory of its own"
        first.stop()
        until(lambda: cached(second, AGAIN) == "hit-semantic", "the files of the first one")
        assert cached(second, RESET) == "hit-exact"


def test_hits_are_verified_behind_the_client_s_back(door: Door, folder: Path, upstream: Upstream) -> None:
    """The first samples are calibrations: the same prompt twice. Checks follow."""

    def counted(exchange: Exchange) -> None:
        content = "Open the settings and choose a new password."
        answer = json.loads(ANSWER)
        answer["choices"][0]["message"]["content"] = content
        json_answer(json.dumps(answer).encode())(exchange)

    upstream.script = counted
    verify = {"enabled": True, "share": 1.0, "per_minute": 600}
    with Gateway(folder, door, config=config(upstream, semantic={"verify": verify})) as gateway:

        def report() -> dict[str, Any]:
            found = gateway.call("GET", "cache")["stats"]["semantic"]["verified"]
            return found[0] if found else {"calibrations": 0}

        assert cached(gateway, RESET) == "miss"
        marks = iter("?" * count for count in range(2, 200))

        def calibrated() -> bool:
            assert cached(gateway, f"how do I reset my password{next(marks)}") == "hit-semantic"
            return report()["calibrations"] >= 3

        until(calibrated, "calibrations")
        told = report()
        assert (told["route"], told["phase"], told["configured"]) == ("faq", "calibrating", 0.75)
        assert told["cut"]["state"] == "few"
        assert len(upstream.requests) >= 1 + 2 * 3
        rows = until(
            lambda: [
                row for row in gateway.call("GET", "logs?limit=100")["items"] if row["door"] == "gateway"
            ],
            "rows of the calls",
        )
        assert {(row["model"], row["operation"], row["cache"]) for row in rows} == {
            ("faq", "chat.completions", "off"),
        }
    with Gateway(folder, door) as again:
        assert cached(again, "how do I reset my password") in ("hit-semantic", "hit-exact")
        verified = again.call("GET", "cache")["stats"]["semantic"]["verified"]
        assert verified[0]["calibrations"] >= 3, "learned over a restart"


def test_a_disk_that_refuses_is_told_of_and_answers_are_kept_in_memory(
    door: Door, folder: Path, upstream: Upstream
) -> None:
    upstream.script = json_answer(ANSWER)
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "cache").write_text("a file where the folder should be")
    with Gateway(folder, door, config=config(upstream)) as gateway:
        assert [cached(gateway, RESET) for _ in range(2)] == ["miss", "hit-exact"]
        disk = gateway.call("GET", "cache")["stats"]["disk"]
        assert disk["failure"]
        assert disk["failures"] == 1
