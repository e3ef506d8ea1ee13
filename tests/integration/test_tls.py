"""HTTPS on the native listener, and certificates of providers that only their own authority vouches for."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from harness.certificates import Certificates, make_certificates
from harness.chat import ANSWER, CHAT, DONE, chat, delta
from harness.doors import COMPILED, Door
from harness.gateway import Gateway, until
from harness.upstream import Upstream, json_answer, sse, status
from harness.wire2 import Wire2

CLIENT_HEADERS = "1s"


def settings(certificates: Certificates, **server: Any) -> dict[str, Any]:
    pair = {"cert": str(certificates.chain), "key": str(certificates.key)}
    return {"server": {"tls": pair, **server}, "limits": {"client_headers": CLIENT_HEADERS}}


def trusting(certificates: Certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificates.authority))


def client(gateway: Gateway, certificates: Certificates, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=gateway.url, verify=trusting(certificates), trust_env=False, **options)


def shown(gateway: Gateway) -> bytes:
    """The certificate that a new connection is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as plain,
        context.wrap_socket(plain) as secure,
    ):
        return secure.getpeercert(binary_form=True) or b""


def run_cli(gateway: Gateway, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ferrogate", *arguments, "--data", str(gateway.data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def own(tmp_path: Path) -> Certificates:
    """Certificates that a test may change."""
    folder = tmp_path / "own"
    folder.mkdir()
    return make_certificates(folder)


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Gateway]:
    with Gateway(
        tmp_path_factory.mktemp("secure"), Door.NATIVE, config=settings(certificates), flags=["--mock"]
    ) as running:
        yield running


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
def test_inference_and_administration_are_served(
    secure: Gateway, certificates: Certificates, version: str
) -> None:
    assert secure.url.startswith("https://127.0.0.1:")
    with client(secure, certificates, http1=version == "HTTP/1.1", http2=version == "HTTP/2") as http:
        answer = http.post(CHAT, content=chat("mock/echo"))
        assert (answer.http_version, answer.status_code) == (version, 200)
        stream = http.post(CHAT, content=chat("mock/echo", stream=True))
        assert stream.content.endswith(DONE)
        page = http.get("/", headers={"origin": secure.url})
        assert (page.status_code, "<!doctype html>" in page.text) == (200, True)
        assert http.get("/api/v1/providers").status_code == 200
        moved = http.get("/api/v1/providers/", headers={"x-forwarded-proto": "http"})
        assert moved.headers.get("location", secure.url).startswith(secure.url), "the scheme is known there"


def test_the_command_line_trusts_this_certificate_and_no_other(
    secure: Gateway, tmp_path_factory: pytest.TempPathFactory
) -> None:
    listed = run_cli(secure, "keys", "list", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    run = secure.data / "run.json"
    kept = run.read_text()
    other = make_certificates(tmp_path_factory.mktemp("other"))
    try:
        run.write_text(json.dumps(json.loads(kept) | {"certificate": other.chain.read_text()}))
        refused = run_cli(secure, "keys", "list")
        assert refused.returncode == 3
        assert "its certificate is refused" in refused.stderr
    finally:
        run.write_text(kept)


def test_what_is_not_tls_is_not_served(secure: Gateway, certificates: Certificates) -> None:
    with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/1.1" not in plain.recv(1000)
    with client(secure, certificates) as http:
        assert http.get("/healthz").status_code == 200


def test_a_handshake_that_stands_still_ends_and_hinders_nobody(
    secure: Gateway, certificates: Certificates
) -> None:
    silent = [socket.create_connection(("127.0.0.1", secure.port), timeout=20) for _ in range(20)]
    try:
        silent[0].sendall(b"\x16\x03\x01\x02\x00\x01")
        with client(secure, certificates) as http:
            assert http.get("/healthz").status_code == 200
        for connection in silent:
            assert connection.recv(100) == b""
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_of_tls_are_spoken(
    secure: Gateway, certificates: Certificates, version: ssl.TLSVersion
) -> None:
    context = trusting(certificates)
    context.minimum_version = context.maximum_version = version
    with Wire2(secure.port, tls=context) as wire:
        assert wire.answer(wire.start("GET", "/healthz", end=True)).status == 200


def test_a_cut_over_tls_is_no_clean_end(folder: Path, certificates: Certificates, upstream: Upstream) -> None:
    upstream.script = sse(delta("a"), end=False)
    provider = {"kind": "openai-compatible", "base_url": upstream.url, "keys": ["k-0123456789"]}
    config = settings(certificates) | {"providers": {"p": provider}}
    with Gateway(folder, Door.NATIVE, config=config) as gateway:
        with client(gateway, certificates) as http, pytest.raises(httpx.RemoteProtocolError):
            http.post(CHAT, content=chat("p/m", stream=True))
        with Wire2(gateway.port, tls=trusting(certificates)) as wire:
            answer = wire.answer(wire.post(CHAT, chat("p/m", stream=True)))
            assert (answer.ended, answer.reset) == (False, 2)
            assert b"upstream_cut" in answer.body


@pytest.mark.parametrize("form", ["sec1", "pkcs8-rsa", "rsa", "chain"])
def test_keys_and_chains_of_every_form_are_read(folder: Path, own: Certificates, form: str) -> None:
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    private = serialization.PrivateFormat
    if form == "chain":
        own.chain.write_bytes(own.chain.read_bytes() + own.authority.read_bytes())
    elif form == "sec1":
        key = serialization.load_pem_private_key(own.key.read_bytes(), None)
        own.key.write_bytes(key.private_bytes(pem, private.TraditionalOpenSSL, none))
    else:
        own = make_certificates(own.key.parent, server_key=rsa.generate_private_key(65537, 2048))
        key = serialization.load_pem_private_key(own.key.read_bytes(), None)
        own.key.write_bytes(
            key.private_bytes(pem, private.TraditionalOpenSSL if form == "rsa" else private.PKCS8, none)
        )
    with Gateway(folder, Door.NATIVE, config=settings(own)) as gateway, client(gateway, own) as http:
        assert http.get("/healthz").status_code == 200


@pytest.mark.parametrize("how", ["files", "SIGHUP"])
def test_a_new_certificate_is_shown_to_new_connections(folder: Path, own: Certificates, how: str) -> None:
    with Gateway(folder, Door.NATIVE, config=settings(own), flags=["--mock"]) as gateway:
        old = shown(gateway)
        with client(gateway, own) as http:
            assert http.get("/healthz").status_code == 200
            good = own.key.read_bytes()
            own.key.write_bytes(b"no key")
            if how == "SIGHUP":
                gateway.signal(signal.SIGHUP)
            until(lambda: "the certificate was not reloaded" in gateway.stderr, "the refusal")
            assert "no private key" in gateway.stderr
            assert shown(gateway) == old
            own.key.write_bytes(good)
            make_certificates(own.key.parent)
            if how == "SIGHUP":
                gateway.signal(signal.SIGHUP)
            until(lambda: shown(gateway) != old, "the new certificate")
            assert http.get("/healthz").status_code == 200, "open connections go on"
        until(lambda: run_cli(gateway, "keys", "list").returncode == 0, "the command line's trust", pause=0.2)


@pytest.mark.parametrize("fault", ["missing", "unmatched", "no certificate", "uvicorn"])
def test_a_start_that_cannot_serve_tls_says_why(folder: Path, own: Certificates, fault: str) -> None:
    expected = {
        "missing": "server.tls.key: ",
        "unmatched": "the key does not belong to the certificate",
        "no certificate": "no certificate in PEM",
        "uvicorn": "only the native door",
    }[fault]
    if fault == "missing":
        own.key.unlink()
    elif fault == "unmatched":
        key = ec.generate_private_key(ec.SECP256R1())
        own.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    elif fault == "no certificate":
        own = replace(own, chain=own.key)
    door = Door.UVICORN if fault == "uvicorn" else Door.NATIVE
    gateway = Gateway(folder, door, config=settings(own))
    assert gateway.spawn().wait(60) != 0
    assert expected in gateway.stderr
    assert "Traceback" not in gateway.stderr


def test_an_expired_certificate_is_served_with_a_warning(folder: Path, own: Certificates) -> None:
    make_certificates(own.key.parent, days=-1)
    with Gateway(folder, Door.NATIVE, config=settings(own)) as gateway:
        assert shown(gateway)
        assert "expired on" in gateway.stderr


@pytest.mark.doors("native", "uvicorn", "python")
@pytest.mark.kind("upstream_tls")
def test_a_provider_s_own_authority_is_trusted_for_it_alone(
    folder: Path, door: Door, certificates: Certificates
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.chain, certificates.key)
    with Upstream(script=json_answer(ANSWER), tls=context) as upstream:
        section = {"kind": "openai-compatible", "base_url": upstream.url, "keys": ["k-0123456789"]}
        folder.mkdir(exist_ok=True)
        (folder / "authority.pem").write_bytes(certificates.authority.read_bytes())
        config = {"providers": {"own": {**section, "tls": {"ca": "authority.pem"}}, "other": section}}
        with Gateway(folder, door, config=config) as gateway:
            good = gateway.http.post(CHAT, content=chat("own/m"))
            assert (good.status_code, good.content) == (200, ANSWER), good.text
            bad = gateway.http.post(CHAT, content=chat("other/m"))
            assert (bad.status_code, bad.json()["error"]["code"]) == (502, "upstream_tls")
            if door in COMPILED:
                assert "set `tls.ca` of the provider" in bad.json()["error"]["message"]


def test_a_redirect_to_a_metadata_address_is_not_followed(folder: Path, upstream: Upstream) -> None:
    upstream.script = status(302, b"", [("location", "http://169.254.169.254/latest/meta-data/")])
    provider = {"kind": "openai-compatible", "base_url": upstream.url, "keys": ["k-0123456789"]}
    with Gateway(folder, Door.NATIVE, config={"providers": {"p": provider}}) as gateway:
        answer = gateway.http.post(CHAT, content=chat("p/m"))
        assert answer.status_code != 200
        assert len(upstream.requests) == 1
