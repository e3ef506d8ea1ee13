"""Proxies, client certificates, fixed addresses, connections that are made ahead, and how many are made."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.certificates import Certificates, make_certificates
from harness.chat import ANSWER, CHAT, DONE, FINISH, ROLE, chat, delta
from harness.doors import Door
from harness.gateway import Gateway, until
from harness.proxy import CarryingProxy
from harness.upstream import Exchange, Upstream, json_answer, sse

HOST = "provider.invalid"
"""No resolver knows it, so who gets there went by the way that the test gave."""


def answer(exchange: Exchange) -> None:
    streams = json.loads(exchange.request.body)["stream"]
    (sse(ROLE, delta("hi"), FINISH, DONE) if streams else json_answer(ANSWER))(exchange)


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with Upstream(script=answer) as server:
        yield server


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("named"), [HOST, "localhost", "127.0.0.1"])


def secure(certificates: Certificates, *, asks: Path | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.chain, certificates.key)
    if asks is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(asks)
    return context


def config(base_url: str, network: dict[str, Any] | None = None, **section: Any) -> dict[str, Any]:
    up = {"kind": "openai-compatible", "base_url": base_url, "keys": [{"value": "key-of-up-01"}], **section}
    return {"providers": {"up": up}, "network": network or {}}


def ask(gateway: Gateway, *, stream: bool = False) -> httpx.Response:
    return gateway.http.post(CHAT, content=chat("up/m", stream=stream))


def check(gateway: Gateway) -> None:
    """A whole answer and a stream come through."""
    whole, streamed = ask(gateway), ask(gateway, stream=True)
    assert (whole.status_code, whole.content) == (200, ANSWER), whole.text
    assert streamed.content == ROLE + delta("hi") + FINISH + DONE


@pytest.mark.compiled
@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("credential", ["", "ann:hunter2hunter2"])
@pytest.mark.parametrize("tls", [False, True])
def test_a_proxy_carries_connections(
    door: Door, folder: Path, named: Certificates, kind: Any, credential: str, *, tls: bool
) -> None:
    with (
        Upstream(script=answer, tls=secure(named) if tls else None) as server,
        CarryingProxy(kind, credential, resolves={HOST: ("127.0.0.1", server.port)}) as proxy,
    ):
        scheme = "https" if tls else "http"
        more: dict[str, Any] = {"tls": {"ca": str(named.authority)}} if tls else {}
        settings = config(f"{scheme}://{HOST}/v1", proxy=proxy.url, **more)
        with Gateway(folder, door, config=settings) as gateway:
            check(gateway)
            described = gateway.call("GET", "config")
            assert "hunter2" not in json.dumps(described)
        assert set(proxy.asked) == {f"{HOST}:{443 if tls else 80}"}
        assert server.requests[0].header("host") == HOST
        assert server.requests[0].header("authorization") == "Bearer key-of-up-01"
        assert len(proxy.asked) == server.connections, "a connection that is there is used again"


@pytest.mark.compiled
def test_a_key_is_tested_by_the_provider_s_way(door: Door, folder: Path, named: Certificates) -> None:
    client_folder = folder / "client"
    client_folder.mkdir(parents=True)
    client = make_certificates(client_folder, ["gateway.example"])

    def listed(exchange: Exchange) -> None:
        json_answer(b'{"object":"list","data":[{"id":"m"}]}')(exchange)

    with (
        Upstream(script=listed, tls=secure(named, asks=client.authority)) as server,
        CarryingProxy(credential="ann:pw", resolves={HOST: ("127.0.0.1", server.port)}) as proxy,
    ):
        tls = {"ca": str(named.authority), "cert": str(client.chain), "key": str(client.key)}
        with Gateway(folder, door, config=config(f"https://{HOST}/v1", proxy=proxy.url, tls=tls)) as gateway:
            (key,) = [one for one in gateway.call("GET", "keys")["items"] if one["provider"] == "up"]
            tested = gateway.call("POST", f"keys/{key['id']}/test")
        assert tested["ok"], tested
        assert proxy.asked == [f"{HOST}:443"]


@pytest.mark.compiled
def test_a_proxy_in_tls_and_tls_inside_of_it(door: Door, folder: Path, named: Certificates) -> None:
    with (
        Upstream(script=answer, tls=secure(named)) as server,
        CarryingProxy(tls=secure(named), resolves={HOST: ("127.0.0.1", server.port)}) as proxy,
    ):
        environ = {"SSL_CERT_FILE": str(named.authority)}
        settings = config(f"https://{HOST}/v1", {"proxy": proxy.url})
        with Gateway(folder, door, config=settings, environ=environ) as gateway:
            check(gateway)
        assert proxy.asked


@pytest.mark.compiled
def test_the_environment_s_proxy_and_what_passes_it(door: Door, folder: Path, provider: Upstream) -> None:
    with CarryingProxy(resolves={HOST: ("127.0.0.1", provider.port)}) as proxy:
        environ = {"HTTP_PROXY": proxy.url, "NO_PROXY": "elsewhere.invalid"}
        with Gateway(folder / "a", door, config=config(f"http://{HOST}/v1"), environ=environ) as gateway:
            check(gateway)
        assert proxy.asked
        proxy.asked.clear()
        for number, (environ, section) in enumerate(
            [
                ({"HTTP_PROXY": proxy.url, "NO_PROXY": f"x,.{HOST.partition('.')[2]}"}, {}),
                ({"HTTP_PROXY": proxy.url}, {"proxy": "off"}),
                ({"HTTPS_PROXY": proxy.url}, {}),
            ]
        ):
            settings = config(f"http://{HOST}/v1", **section)
            with Gateway(folder / str(number), door, config=settings, environ=environ) as gateway:
                assert ask(gateway).json()["error"]["code"] == "upstream_dns"
        local = config(provider.url)
        with Gateway(folder / "local", door, config=local, environ={"ALL_PROXY": proxy.url}) as gateway:
            check(gateway)
        assert proxy.asked == []


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("kind", "given", "refuse", "silent", "sentence"),
    [
        ("http", "ann:wrong-password", 0, False, "asks for credentials"),
        ("http", "", 0, False, "asks for credentials"),
        ("http", "ann:right-password", 403, False, "refuses to connect"),
        ("http", "ann:right-password", 503, False, "could not reach the provider"),
        ("socks5", "ann:wrong-password", 0, False, "asks for credentials"),
        ("socks5", "", 0, False, "asks for credentials"),
        ("socks5", "ann:right-password", 2, False, "refuses to connect"),
        ("http", "ann:right-password", 0, True, "took too long"),
    ],
)
def test_what_a_proxy_refuses_is_said_and_its_password_is_not(
    door: Door,
    folder: Path,
    kind: Any,
    given: str,
    refuse: int,
    silent: bool,
    sentence: str,
) -> None:
    with CarryingProxy(kind, "ann:right-password", refuse=refuse, silent=silent) as proxy:
        scheme = "socks5h" if kind == "socks5" else "http"
        written = f"{scheme}://{given}{'@' if given else ''}127.0.0.1:{proxy.port}"
        settings = config(f"http://{HOST}/v1", proxy=written, timeouts={"connect": "400ms"})
        with Gateway(folder, door, config=settings) as gateway:
            refused = ask(gateway)
            assert refused.status_code in (502, 504)
            assert sentence in refused.json()["error"]["message"]
            row = gateway.row(refused.headers["x-gateway-request-id"])
            told = refused.text + json.dumps(row) + gateway.admin.get("/metrics").text
            told += gateway.admin.get("/api/v1/config").text + gateway.admin.get("/api/v1/providers").text
        told += gateway.stderr + gateway.stdout
    assert "password" not in told.replace("USER:PASSWORD", "")


@pytest.mark.compiled
def test_nobody_at_the_proxy_s_address(door: Door, folder: Path) -> None:
    with CarryingProxy() as proxy:
        url = proxy.url
    with Gateway(folder, door, config=config(f"http://{HOST}/v1", proxy=url)) as gateway:
        error = ask(gateway).json()["error"]
    assert (error["code"], "The proxy" in error["message"]) == ("upstream_connect", True)


@pytest.mark.compiled
def test_a_client_certificate(door: Door, folder: Path, named: Certificates, tmp_path: Path) -> None:
    (tmp_path / "client").mkdir()
    client = make_certificates(tmp_path / "client", ["gateway.example"])
    with Upstream(script=answer, tls=secure(named, asks=client.authority)) as server:
        url = f"https://localhost:{server.port}/v1"
        tls = {"ca": str(named.authority)}
        shown = {**tls, "cert": str(client.chain), "key": str(client.key)}
        with Gateway(folder / "with", door, config=config(url, tls=shown)) as gateway:
            check(gateway)
            assert "PRIVATE" not in gateway.admin.get("/api/v1/config").text
        with Gateway(folder / "without", door, config=config(url, tls=tls)) as gateway:
            assert ask(gateway).status_code == 502


@pytest.mark.compiled
def test_another_name_in_the_certificate_and_tls_1_3(door: Door, folder: Path, named: Certificates) -> None:
    older = secure(named)
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    tls = {"ca": str(named.authority), "server_name": HOST, "min_version": "1.3"}
    for context in (secure(named), older):
        with Upstream(script=answer, tls=context) as server:
            host = f"elsewhere.invalid:{server.port}"
            fixed = config(f"https://{host}/v1", addresses=["127.0.0.1"], tls=tls)
            with Gateway(folder / str(server.port), door, config=fixed) as gateway:
                if context is older:
                    assert ask(gateway).json()["error"]["code"] == "upstream_tls"
                else:
                    check(gateway)
                    assert server.requests[0].header("host") == host


def test_fixed_addresses_of_a_name(door: Door, folder: Path, provider: Upstream) -> None:
    hosts = {"hosts": {HOST: ["127.0.0.9", "127.0.0.1"]}}
    settings = config(f"http://{HOST}:{provider.port}/v1", hosts)
    with Gateway(folder, door, config=settings) as gateway:
        check(gateway)
    assert provider.requests[0].header("host") == f"{HOST}:{provider.port}"


@pytest.mark.compiled
def test_connections_are_made_ahead(door: Door, folder: Path, provider: Upstream) -> None:
    with Gateway(folder, door, config=config(provider.url, warm=3), flags=["--workers", "1"]) as gateway:
        if door is not Door.NATIVE:
            check(gateway)  # the loop's own thread begins with the first request, beside the engine thread
        least = 3 if door is Door.NATIVE else 6
        until(lambda: provider.connections >= least, f"{least} connections")
        made = provider.connections
        check(gateway)
        assert provider.connections <= made + 3, "as many as are in use may be made beside"
        assert {request.connection for request in provider.requests} <= set(range(made))


@pytest.mark.compiled
def test_more_connections_than_may_be_made_wait_and_then_fail(
    door: Door, folder: Path, provider: Upstream
) -> None:
    settings = config(provider.url, connections_per_second=0.5, timeouts={"connect": "300ms"})
    with (
        Gateway(folder, door, config=settings) as gateway,
        ThreadPoolExecutor(12) as pool,
    ):

        def slow(exchange: Exchange) -> None:
            until(lambda: len(provider.requests) >= 4, "four at a time")
            answer(exchange)

        provider.script = slow
        codes = [one.status_code for one in pool.map(lambda _: ask(gateway), range(12))]
        assert codes.count(200) >= 4
        assert provider.connections == 4, "four may be made at once after a rest"
        assert codes.count(504) == 12 - codes.count(200)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"proxy": "ftp://x:1"}, "is no proxy of the kinds http, https, socks5 and socks5h"),
        ({"proxy": "http://ann:hunter2hunter2@proxy/path"}, "has a path, which a proxy has not"),
        ({"addresses": ["169.254.169.254"]}, "link-local or metadata address"),
        ({"proxy": "http://169.254.169.254:80"}, "link-local or metadata address"),
        ({"addresses": ["somewhere"]}, "is no IP address"),
        ({"tls": {"cert": "a.pem"}}, "needs both cert and key"),
        ({"tls": {"cert": "none.pem", "key": "none.key"}}, "cert cannot be read"),
        ({"warm": 1000}, "must be at most 256"),
        ({"connections_per_second": 0}, "must be greater than 0"),
    ],
)
@pytest.mark.doors("native")
def test_wrong_settings_stop_the_start_and_say_why(
    door: Door, folder: Path, settings: dict[str, Any], sentence: str
) -> None:
    gateway = Gateway(folder, door, config=config("http://provider.invalid/v1", **settings))
    with pytest.raises(AssertionError, match="ended with 1"), gateway:
        pass
    assert sentence in gateway.stderr
    assert "gateway.yaml:" in gateway.stderr
    assert "hunter2" not in gateway.stderr


@pytest.mark.doors("native")
def test_a_variable_that_holds_no_proxy_stops_the_start(door: Door, folder: Path) -> None:
    environ = {"HTTPS_PROXY": "gopher://ann:hunter2hunter2@x"}
    gateway = Gateway(folder, door, config=config("http://provider.invalid/v1"), environ=environ)
    with pytest.raises(AssertionError, match="ended with 1"), gateway:
        pass
    assert gateway.stderr.count("HTTPS_PROXY") == 1
    assert "hunter2" not in gateway.stderr


@pytest.mark.doors("python")
def test_the_python_engine_by_a_proxy(door: Door, folder: Path, named: Certificates) -> None:
    with (
        Upstream(script=answer, tls=secure(named)) as server,
        CarryingProxy(credential="ann:pw", resolves={HOST: ("127.0.0.1", server.port)}) as proxy,
    ):
        tls = {"ca": str(named.authority)}
        settings = config(f"https://{HOST}/v1", proxy=proxy.url, tls=tls, warm=2)
        with Gateway(folder, door, config=settings) as gateway:
            check(gateway)
            assert "providers.up.warm has no effect" in gateway.stderr
    assert set(proxy.asked) == {f"{HOST}:443"}
