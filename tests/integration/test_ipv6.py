"""IPv6: where the gateway listens, what it prints, and how it reaches providers."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from harness.chat import ANSWER, CHAT, chat
from harness.doors import Door
from harness.gateway import Gateway
from harness.upstream import Upstream, json_answer

pytestmark = pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")


@pytest.mark.doors("native", "uvicorn", "python")
@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_loopback_is_served_printed_and_allowed(folder: Path, door: Door, host: str) -> None:
    with Gateway(folder, door, flags=["--host", host, "--mock"]) as gateway:
        assert gateway.url.startswith("http://[::1]:")
        assert f"dashboard: {gateway.url}/" in gateway.stdout
        answer = gateway.http.post(CHAT, content=chat("mock/echo"))
        assert answer.status_code == 200, answer.text
        own = gateway.http.post(CHAT, content=chat("mock/echo"), headers={"origin": gateway.url})
        assert own.status_code == 200, own.text
        for host_header, expected in ((f"[::1]:{gateway.port}", 200), ("[::2]", 403), ("evil.example", 403)):
            for path in ("/openai/v1/models", "/api/v1/providers"):
                refused = gateway.http.get(path, headers={"host": host_header})
                assert refused.status_code == expected, (host_header, path)
        command = [sys.executable, "-m", "ferrogate", "keys", "list", "--json", "--data", str(gateway.data)]
        listed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (listed.returncode, listed.stderr) == (0, "")


@pytest.mark.doors("native", "uvicorn")
def test_every_address_of_both_families_is_served(folder: Path, door: Door) -> None:
    with Gateway(folder, door, flags=["--host", "::"], environ={"GATEWAY_AUTH": "off"}) as gateway:
        assert gateway.url.startswith("http://[::]:")
        assert f"dashboard: http://[::1]:{gateway.port}/" in gateway.stdout
        for address in ("[::1]", "127.0.0.1"):
            answer = httpx.get(f"http://{address}:{gateway.port}/healthz", trust_env=False)
            assert answer.status_code == 200, address


@pytest.mark.doors("native", "uvicorn", "python")
def test_a_provider_is_reached_by_its_address(folder: Path, door: Door) -> None:
    with Upstream(script=json_answer(ANSWER), host="::1") as upstream:
        provider = {"kind": "openai-compatible", "base_url": upstream.url, "keys": ["k-0123456789"]}
        with Gateway(folder, door, config={"providers": {"p": provider}}) as gateway:
            answer = gateway.http.post(CHAT, content=chat("p/m"))
            assert (answer.status_code, answer.content) == (200, ANSWER), answer.text
            assert upstream.requests[0].header("host") == f"[::1]:{upstream.port}"


@pytest.mark.doors("native", "uvicorn", "python")
@pytest.mark.parametrize("family", ["127.0.0.1", "::1"])
def test_the_next_address_of_a_name_is_tried(folder: Path, door: Door, family: str) -> None:
    """localhost has an address of either family; the provider listens on one of them."""
    found = {str(entry[4][0]) for entry in socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)}
    if found != {"127.0.0.1", "::1"}:
        pytest.skip("localhost does not have both addresses here")
    with Upstream(script=json_answer(ANSWER), host=family) as upstream:
        url = f"http://localhost:{upstream.port}/v1"
        provider = {"kind": "openai-compatible", "base_url": url, "keys": ["k-0123456789"]}
        with Gateway(folder, door, config={"providers": {"p": provider}}) as gateway:
            answer = gateway.http.post(CHAT, content=chat("p/m"))
            assert (answer.status_code, json.loads(answer.content)) == (200, json.loads(ANSWER)), answer.text
