import pytest

from ferrogate.config.urls import base_url, host_name, is_loopback, origin


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://my_host:1", "http://my_host:1"),
        ("https://example.com", "https://example.com"),
    ],
)
def test_a_base_url_loses_its_slash(written, kept):
    assert base_url(written) == kept


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("api.openai.com/v1", "not an http or https URL"),
        ("ftp://example.com", "not an http or https URL"),
        ("https://", "not an http or https URL"),
        ("https:///v1", "not an http or https URL"),
        ("http://host:99999/v1", "is not a URL"),
        ("http://host:0/v1", "not an http or https URL"),
        ("http://[::1/v1", "is not a URL"),
        ("https://user:secret@example.com/v1", "credential before the @"),
        ("https://user@example.com/v1", "credential before the @"),
        ("https://example.com/v1?key=secret", "put parameters under query"),
        ("https://example.com/v1#x", "a query or a fragment"),
        ("https://example.com/v1/chat/completions", "names one operation"),
        ("https://example.com/ v1", "contains a space"),
        ("https://exa\nmple.com", "contains a space"),
        ("http://169.254.169.254/latest", "link-local"),
        ("http://[fe80::1]/v1", "link-local"),
        ("http://[::ffff:169.254.169.254]/v1", "link-local"),
    ],
)
def test_a_base_url_that_is_none(written, says):
    with pytest.raises(ValueError, match=says) as caught:
        base_url(written)
    assert "secret" not in str(caught.value)


def test_host_names():
    assert host_name(" Gateway.Example.COM ") == "gateway.example.com"
    assert host_name("[::1]") == "[::1]"
    assert host_name("::1") == "[::1]"
    for wrong in ("https://example.com", "example.com:8080", "a/b", "", "*"):
        with pytest.raises(ValueError, match="without scheme, port and path"):
            host_name(wrong)


def test_origins():
    assert origin("https://App.example.com/") == "https://app.example.com"
    assert origin("http://localhost:3000") == "http://localhost:3000"
    for wrong in ("app.example.com", "https://app.example.com/x", "*", "null"):
        with pytest.raises(ValueError, match="write"):
            origin(wrong)


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("localhost", True), ("::1", True), ("[::1]", True),
        ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("localhost.example.com", False),
        ("127.0.0.1.nip.io", False), ("", False),
    ],
)  # fmt: skip
def test_loopback(host, is_local):
    assert is_loopback(host) is is_local
