"""A thousand changes of configuration under load: no request fails, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil

from harness.chat import CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway, until
from harness.load import Load
from harness.mock import Mock
from harness.wire import Wire

CHANGES = 1_000
POOLED = 8
"""Threads of Python's pools, which come when they are first needed."""
WARM_UP = 100
MORE_MEMORY = 8 * 2**20
"""A snapshot that stayed after each change would take twice that."""


def change(gateway: Gateway, mock: Mock, number: int) -> None:
    """One of the changes that people make: a provider, a key, its weight, an alias, a limit; and back."""
    name = f"side-{number // 8 % 5}"
    step = number % 8
    if step == 0:
        gateway.call("POST", "providers", name=name, kind="openai-compatible", base_url=mock.url)
    elif step == 1:
        gateway.call("POST", "keys", provider=name, name="main", value=f"side-key-{name}-0123456789")
    elif step == 2:
        gateway.call("PUT", "models/side", targets=[f"{name}/m", "mock/echo"])
    elif step == 3:
        gateway.call("PATCH", "config", limits={"json_body": f"{16 + number % 16}MiB"})
    elif step == 4:
        (key,) = (item for item in gateway.call("GET", "keys")["items"] if item["provider"] == name)
        gateway.call("PATCH", f"keys/{key['id']}", weight=0.5)
    elif step == 5:
        gateway.call("DELETE", "models/side")
    elif step == 6:
        (key,) = (item for item in gateway.call("GET", "keys")["items"] if item["provider"] == name)
        gateway.call("DELETE", f"keys/{key['id']}")
    else:
        gateway.call("DELETE", f"providers/{name}")


def idle(gateway: Gateway) -> dict[str, Any]:
    """The engine once no request runs, with what it then still keeps of older snapshots."""

    def found() -> dict[str, Any] | None:
        engine: dict[str, Any] = gateway.call("GET", "status")["engine"]
        return engine if engine["in_flight"] == 0 and engine["snapshots"] == 1 else None

    return until(found, "the end of every older snapshot")


def test_a_thousand_changes_fail_nothing_and_leave_nothing(folder: Path, mock: Mock) -> None:
    config = {"providers": {"mock": {"base_url": mock.url}}}
    with Gateway(folder, Door.NATIVE, config=config) as gateway:
        process = psutil.Process(gateway.pid)
        with Load(gateway.port, "mock/echo") as load:
            for number in range(WARM_UP):
                change(gateway, mock, number)
            load.wait_for_more(50)
            descriptors, threads = process.num_fds(), process.num_threads()
            generation = gateway.call("GET", "status")["engine"]["generation"]
            answered = len(load.ids)
            for number in range(WARM_UP, WARM_UP + CHANGES):
                if number % 8 == 0 and load.failures:
                    break
                change(gateway, mock, number)
            load.wait_for_more(50)
            during = len(load.ids) - answered
        assert load.failures == []
        assert during >= 50
        engine = idle(gateway)
        assert engine["generation"] == generation + CHANGES, "each change was one snapshot"
        assert process.num_threads() <= threads + POOLED, "none of the changes keeps a thread"
        assert process.num_fds() <= descriptors + 8, "a pool's connection or two may differ"
        lanes = {(lane["provider"], lane["model"]) for lane in gateway.call("GET", "lanes")["items"]}
        there = {provider["name"] for provider in gateway.call("GET", "providers")["items"]}
        assert ("mock", "echo") in lanes
        assert {provider for provider, _ in lanes} <= there, "what is gone has no lanes"
        assert len(lanes) <= 2, "that of the load, and that of the alias which the last change left"
        assert_logged_once(gateway, load.ids)


def test_changes_leave_no_memory_behind(folder: Path, mock: Mock) -> None:
    with Gateway(folder, Door.NATIVE, config={}) as gateway:
        for number in range(2 * WARM_UP):
            change(gateway, mock, number)
        before = gateway.rss()
        for number in range(CHANGES):
            change(gateway, mock, number)
        assert idle(gateway)["snapshots"] == 1
        assert gateway.rss() <= before + MORE_MEMORY


def assert_logged_once(gateway: Gateway, ids: list[str]) -> None:
    gateway.row(ids[-1])
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query: dict[str, Any] = {"limit": 500} | ({"cursor": cursor} if cursor else {})
        page = gateway.admin.get("/api/v1/logs", params=query).raise_for_status().json()
        seen += [item["request_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(ids)


def test_a_removed_provider_goes_with_its_last_request(folder: Path, mock: Mock) -> None:
    key = "provider-that-goes-0123456789"
    mock.script(key, hang=True)
    with Gateway(folder, Door.NATIVE, config={}) as gateway, Wire(gateway.port) as wire:
        gateway.call("POST", "providers", name="gone", kind="openai-compatible", base_url=mock.url)
        made = gateway.call("POST", "keys", provider="gone", name="main", value=key)
        wire.post(CHAT, chat("gone/m"))
        mock.wait_for(key)
        (lane,) = gateway.call("GET", "lanes")["items"]
        assert (lane["provider"], lane["in_flight"]) == ("gone", 1)
        gateway.call("DELETE", f"keys/{made['id']}")
        gateway.call("DELETE", "providers/gone")
        assert gateway.call("GET", "lanes")["items"] == []
        assert gateway.call("GET", "status")["engine"]["snapshots"] == 2, "the request keeps its own"
        wire.close()
        mock.wait_until_left(key)
        idle(gateway)


def test_what_was_wrong_with_the_file_is_shown_until_it_is_right(folder: Path, mock: Mock) -> None:
    config: dict[str, Any] = {"providers": {"mock": {"base_url": mock.url}}}
    with Gateway(folder, Door.NATIVE, config=config) as gateway:

        def reload() -> dict[str, Any]:
            return dict(gateway.call("GET", "config")["reload"])

        def metric(name: str) -> int:
            lines = gateway.admin.get("/metrics").text.splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith(f"{name} "))

        assert reload() == {"done": 0, "failed": 0, "at_ms": None, "error": None}
        gateway.write_config("providers: {mock: {basurl: x}}\n")
        until(lambda: reload()["failed"] == 1, "the failed reload")
        assert "basurl" in str(reload()["error"])
        assert "gateway.yaml" in str(reload()["error"])
        assert metric("ferrogate_config_file_wrong") == metric("ferrogate_config_reload_failures_total") == 1
        gateway.write_config(config | {"models": {"chat": "mock/echo"}})
        until(lambda: reload()["done"] == 1, "the good file")
        assert reload()["error"] is None
        assert (metric("ferrogate_config_file_wrong"), metric("ferrogate_config_reloads_total")) == (0, 1)
