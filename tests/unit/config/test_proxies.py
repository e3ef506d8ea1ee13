from __future__ import annotations

import pytest

from ferrogate.config.proxies import Proxy, check_variables, choose_proxy, parse_proxy

PROXY = "http://proxy.example:3128"
URL = "https://api.example.com/v1"


def chosen(
    url: str = URL, own: str | None = None, top: str | None = None, *passes: str, **environ: str
) -> str:
    proxy = choose_proxy(url, own, top, passes, environ)
    return "" if proxy is None else proxy.host


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://proxy.example:3128", Proxy("http", "proxy.example", 3128)),
        ("proxy.example:3128", Proxy("http", "proxy.example", 3128)),
        ("http://proxy.example", Proxy("http", "proxy.example", 80)),
        ("https://ann:p%40ss@proxy.example/", Proxy("https", "proxy.example", 443, "ann", "p@ss")),
        ("socks5://[::1]:9", Proxy("socks5", "::1", 9)),
        ("SOCKS5H://x", Proxy("socks5h", "x", 1080)),
    ],
)
def test_a_url(text: str, expected: Proxy) -> None:
    assert parse_proxy(text) == expected


@pytest.mark.parametrize("text", ["", "http://", "ftp://x", "http://x:99999", "http://x/path", "http://x?y"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        parse_proxy(text)


def test_what_is_shown_has_no_credential() -> None:
    proxy = parse_proxy("http://ann:hunter2@[::1]:3128")
    assert proxy.shown == "http://***@[::1]:3128"
    assert "hunter2" not in repr(proxy)


def test_the_nearest_word_counts() -> None:
    environ = {"https_proxy": "env.example:1", "all_proxy": "all.example:1"}
    assert chosen(own="http://own.example", top="http://top.example", **environ) == "own.example"
    assert chosen(top="http://top.example", **environ) == "top.example"
    assert chosen(**environ) == "env.example"
    assert chosen("http://api.example.com", **environ) == "all.example"
    assert chosen(own="off", top="http://top.example", **environ) == ""
    assert chosen(top="off", **environ) == ""
    assert chosen() == ""
    assert chosen(HTTPS_PROXY="upper.example", https_proxy="lower.example") == "lower.example"


@pytest.mark.parametrize(
    ("url", "entry", "passes"),
    [
        ("https://api.example.com/v1", "example.com", True),
        ("https://api.example.com/v1", ".example.com", True),
        ("https://api.example.com/v1", "*.example.com", True),
        ("https://API.example.com./v1", "api.EXAMPLE.com", True),
        ("https://notexample.com/v1", "example.com", False),
        ("https://example.com.evil/v1", "example.com", False),
        ("https://api.example.com/v1", "api.example.com:443", True),
        ("https://api.example.com/v1", "api.example.com:8443", False),
        ("https://10.1.2.3/v1", "10.0.0.0/8", True),
        ("https://11.1.2.3/v1", "10.0.0.0/8", False),
        ("https://10.1.2.3/v1", "10.1.2.3", True),
        ("https://[fd00::1]/v1", "fd00::/8", True),
        ("https://[fd00::1]:8443/v1", "[fd00::1]:8443", True),
        ("https://api.example.com/v1", "*", True),
        ("https://api.example.com/v1", " , ", False),
        ("http://localhost:8000/v1", "", True),
        ("http://127.0.0.1:8000/v1", "", True),
    ],
)
def test_what_is_reached_without(url: str, entry: str, passes: bool) -> None:
    assert chosen(url, all_proxy=PROXY, NO_PROXY=entry) == ("" if passes else "proxy.example")
    assert chosen(url, None, PROXY, *entry.split(",")) == ("" if passes else "proxy.example")
    assert chosen(url, PROXY, None, NO_PROXY=entry) == "proxy.example", "what is written for it is meant"


def test_wrong_variables_are_named() -> None:
    wrong = check_variables({"HTTPS_PROXY": "gopher://secret@x", "http_proxy": PROXY, "ALL_PROXY": ""})
    assert list(wrong) == ["HTTPS_PROXY"]
    assert "secret" not in wrong["HTTPS_PROXY"]
